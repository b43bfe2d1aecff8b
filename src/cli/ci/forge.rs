//! What each CI system says of a job, and what of it can be trusted to be exact.

use serde::Deserialize;

use super::resolve::{End, Job, Range, Variables, get, real};

const ENVIRONMENT: &str = "environment";

#[derive(Deserialize, Default)]
struct Event {
    number: Option<u64>,
    pull_request: Option<PullRequest>,
    merge_group: Option<MergeGroup>,
    #[serde(rename = "ref")]
    name: Option<String>,
    before: Option<String>,
    after: Option<String>,
    #[serde(default)]
    deleted: bool,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct PullRequest {
    number: Option<u64>,
    base: Side,
    head: Side,
}

#[derive(Deserialize)]
struct Side {
    sha: String,
}

#[derive(Deserialize)]
struct MergeGroup {
    base_sha: String,
    head_sha: String,
}

#[derive(Deserialize)]
struct Repository {
    default_branch: Option<String>,
}

/// A pull or merge request.
fn proposed(base: End, head: End, source: &'static str) -> Job {
    Job::Range(Range { base, head, source, proposed: true })
}

/// Commits that are in already.
fn pushed(base: End, head: End, source: &'static str) -> Job {
    Job::Range(Range { base, head, source, proposed: false })
}

/// The commit that is built, as an end; HEAD where nobody says.
fn head(id: Option<&str>) -> End {
    match real(id).filter(|id| *id != "HEAD") {
        Some(id) => End::id(id),
        None => End { revs: vec!["HEAD".to_owned()], fetch: Vec::new() },
    }
}

/// A build of a branch, where nothing says what was there before: what the default branch has not.
fn branch(name: Option<&str>, default: Option<&str>, head: End) -> Job {
    let name = name.map(|name| name.trim_start_matches("refs/heads/"));
    match (name, default) {
        (Some(name), Some(default)) if name == default => {
            Job::Whole("the default branch, and nothing says what it was before")
        }
        (Some("main" | "master"), None) => Job::Whole("the default branch, and nothing says what it was before"),
        (None, _) => Job::Whole("nothing says which branch this is"),
        (_, Some(default)) => pushed(End::branch(default), head, ENVIRONMENT),
        // Nobody says that these commits are in, so they decide nothing about themselves.
        (_, None) => proposed(End::default_branch(), head, ENVIRONMENT),
    }
}

pub(super) fn github(variables: &Variables, event: Option<&str>) -> Job {
    const EVENT: &str = "event-json";
    let event: Event = event.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    if let Some(pull) = &event.pull_request {
        let mut head = End::id(&pull.head.sha);
        // The commit itself cannot always be asked for, least of all one of a fork.
        head.fetch.extend(pull.number.or(event.number).map(|number| format!("refs/pull/{number}/head")));
        return proposed(End::id(&pull.base.sha), head, EVENT);
    }
    if let Some(group) = &event.merge_group {
        return proposed(End::id(&group.base_sha), End::id(&group.head_sha), EVENT);
    }
    if let Some(base) = get(variables, "GITHUB_BASE_REF") {
        return proposed(End::branch(base), head(get(variables, "GITHUB_SHA")), ENVIRONMENT);
    }
    if get(variables, "GITHUB_EVENT_NAME") != Some("push") {
        return Job::Whole("no push and no pull request");
    }
    let Some(name) = &event.name else { return Job::Whole("the event says nothing of what was pushed") };
    let Some(after) = real(event.after.as_deref()).filter(|_| !event.deleted) else {
        return Job::Empty("a ref was deleted");
    };
    let default = event.repository.and_then(|repository| repository.default_branch);
    let is_default = default.as_ref().is_some_and(|default| name.strip_prefix("refs/heads/") == Some(default));
    let otherwise = default.filter(|_| !is_default).map(|default| End::branch(&default));
    match (real(event.before.as_deref()), otherwise) {
        // After a forced push what was before may be nowhere.
        (Some(before), Some(otherwise)) => pushed(End::id(before).or(otherwise), End::id(after), EVENT),
        (Some(before), None) => pushed(End::id(before), End::id(after), EVENT),
        (None, Some(default)) => pushed(default, End::id(after), EVENT),
        (None, None) => Job::Whole("the first push of the default branch"),
    }
}

pub(super) fn gitlab(variables: &Variables) -> Job {
    let variable = |name: &str| get(variables, name);
    let built = head(variable("CI_COMMIT_SHA"));
    if variable("CI_MERGE_REQUEST_IID").is_some() {
        // In a merged-results pipeline CI_COMMIT_SHA is a merge that only the pipeline has.
        let head = real(variable("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")).map_or(built, End::id);
        let diff_base = real(variable("CI_MERGE_REQUEST_DIFF_BASE_SHA")).map(End::id).unwrap_or_default();
        // DIFF_BASE is stale after the merge request got another target; the target itself never is.
        let target = variable("CI_MERGE_REQUEST_TARGET_BRANCH_NAME").map(End::branch).unwrap_or_default();
        let sha = real(variable("CI_MERGE_REQUEST_TARGET_BRANCH_SHA")).map(End::id).unwrap_or_default();
        return proposed(sha.or(target).or(diff_base), head, ENVIRONMENT);
    }
    if matches!(variable("CI_PIPELINE_SOURCE"), Some("schedule" | "web" | "api" | "trigger" | "pipeline")) {
        return Job::Whole("no push and no merge request");
    }
    match real(variable("CI_COMMIT_BEFORE_SHA")) {
        Some(before) => {
            let default = variable("CI_DEFAULT_BRANCH").filter(|default| variable("CI_COMMIT_BRANCH") != Some(default));
            pushed(End::id(before).or(default.map(End::branch).unwrap_or_default()), built, ENVIRONMENT)
        }
        None => {
            branch(variable("CI_COMMIT_BRANCH").or(variable("CI_COMMIT_TAG")), variable("CI_DEFAULT_BRANCH"), built)
        }
    }
}

/// `A...B` or `A..B` at the end of a text.
fn pair(text: &str) -> Option<(&str, &str)> {
    let (before, after) = text.split_once("...").or_else(|| text.split_once(".."))?;
    let before = before.rsplit('/').next().unwrap_or(before);
    let is_id = |id: &str| id.len() >= 7 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_id(before) && is_id(after)).then_some((before, after))
}

pub(super) fn circle(variables: &Variables) -> Job {
    let built = head(get(variables, "CIRCLE_SHA1"));
    let range = get(variables, "CIRCLE_RANGE").or_else(|| get(variables, "CIRCLE_COMPARE_URL")).and_then(pair);
    match range {
        Some((base, head)) => pushed(End::id(base), End::id(head), ENVIRONMENT),
        None => branch(get(variables, "CIRCLE_BRANCH").or_else(|| get(variables, "CIRCLE_TAG")), None, built),
    }
}

pub(super) fn jenkins(variables: &Variables) -> Job {
    let built = head(get(variables, "GIT_COMMIT"));
    if get(variables, "CHANGE_ID").is_some() {
        let target = get(variables, "CHANGE_TARGET").map_or_else(End::default_branch, End::branch);
        return proposed(target, built, ENVIRONMENT);
    }
    // The last good build: what came in with a failed one is still to be looked at.
    let before = get(variables, "GIT_PREVIOUS_SUCCESSFUL_COMMIT").or_else(|| get(variables, "GIT_PREVIOUS_COMMIT"));
    match real(before) {
        Some(before) => pushed(End::id(before), built, ENVIRONMENT),
        None => Job::Whole("no build came before this one"),
    }
}

pub(super) fn azure(variables: &Variables) -> Job {
    if get(variables, "SYSTEM_PULLREQUEST_PULLREQUESTID").is_some() {
        // BUILD_SOURCEVERSION is a merge that only the build has.
        let source =
            get(variables, "SYSTEM_PULLREQUEST_SOURCECOMMITID").or_else(|| get(variables, "BUILD_SOURCEVERSION"));
        let target = get(variables, "SYSTEM_PULLREQUEST_TARGETBRANCH").map_or_else(End::default_branch, End::branch);
        return proposed(target, head(source), ENVIRONMENT);
    }
    if matches!(get(variables, "BUILD_REASON"), Some("Schedule" | "Manual")) {
        return Job::Whole("no push and no pull request");
    }
    branch(get(variables, "BUILD_SOURCEBRANCH"), None, head(get(variables, "BUILD_SOURCEVERSION")))
}

pub(super) fn bitbucket(variables: &Variables) -> Job {
    let built = head(get(variables, "BITBUCKET_COMMIT"));
    if get(variables, "BITBUCKET_PR_ID").is_some() {
        let commit = real(get(variables, "BITBUCKET_PR_DESTINATION_COMMIT")).map(End::id).unwrap_or_default();
        let target = get(variables, "BITBUCKET_PR_DESTINATION_BRANCH").map(End::branch).unwrap_or_default();
        return proposed(commit.or(target), built, ENVIRONMENT);
    }
    branch(get(variables, "BITBUCKET_BRANCH").or_else(|| get(variables, "BITBUCKET_TAG")), None, built)
}

pub(super) fn buildkite(variables: &Variables) -> Job {
    let built = head(get(variables, "BUILDKITE_COMMIT"));
    if get(variables, "BUILDKITE_PULL_REQUEST").is_some_and(|number| number != "false") {
        let target = get(variables, "BUILDKITE_PULL_REQUEST_BASE_BRANCH").map_or_else(End::default_branch, End::branch);
        return proposed(target, built, ENVIRONMENT);
    }
    branch(get(variables, "BUILDKITE_BRANCH"), get(variables, "BUILDKITE_PIPELINE_DEFAULT_BRANCH"), built)
}

pub(super) fn drone(variables: &Variables) -> Job {
    let built = head(get(variables, "DRONE_COMMIT_AFTER").or_else(|| get(variables, "DRONE_COMMIT_SHA")));
    if get(variables, "DRONE_PULL_REQUEST").is_some() {
        let target = get(variables, "DRONE_TARGET_BRANCH").map_or_else(End::default_branch, End::branch);
        return proposed(target, head(get(variables, "DRONE_COMMIT_SHA")), ENVIRONMENT);
    }
    match real(get(variables, "DRONE_COMMIT_BEFORE")) {
        Some(before) => pushed(End::id(before), built, ENVIRONMENT),
        None => branch(get(variables, "DRONE_BRANCH"), get(variables, "DRONE_REPO_BRANCH"), built),
    }
}

pub(super) fn woodpecker(variables: &Variables) -> Job {
    let built = head(get(variables, "CI_COMMIT_SHA"));
    if get(variables, "CI_PIPELINE_EVENT").is_some_and(|event| event.starts_with("pull_request")) {
        let target = get(variables, "CI_COMMIT_TARGET_BRANCH").map_or_else(End::default_branch, End::branch);
        return proposed(target, built, ENVIRONMENT);
    }
    match real(get(variables, "CI_PREV_COMMIT_SHA")) {
        Some(before) => pushed(End::id(before), built, ENVIRONMENT),
        None => branch(get(variables, "CI_COMMIT_BRANCH"), get(variables, "CI_REPO_DEFAULT_BRANCH"), built),
    }
}

pub(super) fn travis(variables: &Variables) -> Job {
    let built = head(get(variables, "TRAVIS_COMMIT"));
    if get(variables, "TRAVIS_PULL_REQUEST").is_some_and(|number| number != "false") {
        let source = get(variables, "TRAVIS_PULL_REQUEST_SHA").map_or(built, End::id);
        // For a pull request this is the branch that it is to go to.
        let target = get(variables, "TRAVIS_BRANCH").map_or_else(End::default_branch, End::branch);
        return proposed(target, source, ENVIRONMENT);
    }
    match get(variables, "TRAVIS_COMMIT_RANGE").and_then(pair) {
        Some((base, head)) => pushed(End::id(base), End::id(head), ENVIRONMENT),
        None => branch(get(variables, "TRAVIS_BRANCH"), None, built),
    }
}
