//! Which commits a CI job is about: told from its variables and event alone, nothing opened, nothing asked.

use std::collections::HashMap;

use super::forge;

/// The variables of a job.
pub(crate) type Variables = HashMap<String, String>;

/// One end of a range.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct End {
    /// Revisions that say it, the best first; the first that is here counts.
    pub(crate) revs: Vec<String>,
    /// What to fetch where none of them is: refs or ids.
    pub(crate) fetch: Vec<String>,
}

impl End {
    /// A commit by its id.
    pub(crate) fn id(id: &str) -> Self {
        Self { revs: vec![id.to_owned()], fetch: vec![id.to_owned()] }
    }

    /// A branch of the remote.
    pub(crate) fn branch(name: &str) -> Self {
        let name = name.trim_start_matches("refs/heads/");
        Self { revs: vec![format!("refs/remotes/origin/{name}")], fetch: vec![format!("refs/heads/{name}")] }
    }

    /// The branch that pull requests go to by default, where nobody says its name.
    pub(crate) fn default_branch() -> Self {
        Self {
            revs: vec![
                "refs/remotes/origin/HEAD".into(),
                "refs/remotes/origin/main".into(),
                "refs/remotes/origin/master".into(),
            ],
            fetch: Vec::new(),
        }
    }

    /// This, or else that.
    pub(crate) fn or(mut self, other: Self) -> Self {
        self.revs.extend(other.revs);
        self.fetch.extend(other.fetch);
        self
    }
}

/// A range.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Range {
    /// Without this and all that it comes from.
    pub(crate) base: End,
    /// Up to this.
    pub(crate) head: End,
    /// Where the ends were read.
    pub(crate) source: &'static str,
    /// Whether somebody proposes these commits, so that nothing of theirs may decide how they are judged.
    pub(crate) proposed: bool,
}

/// What a job is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Job {
    /// Some commits.
    Range(Range),
    /// All of the history of what is checked out, and why.
    Whole(&'static str),
    /// Nothing, and why.
    Empty(&'static str),
}

/// The CI systems that we know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum System {
    GitHub,
    GitLab,
    CircleCi,
    Jenkins,
    Azure,
    Bitbucket,
    Buildkite,
    Drone,
    Woodpecker,
    Travis,
    Other,
}

impl System {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub Actions",
            Self::GitLab => "GitLab CI",
            Self::CircleCi => "CircleCI",
            Self::Jenkins => "Jenkins",
            Self::Azure => "Azure Pipelines",
            Self::Bitbucket => "Bitbucket Pipelines",
            Self::Buildkite => "Buildkite",
            Self::Drone => "Drone",
            Self::Woodpecker => "Woodpecker",
            Self::Travis => "Travis CI",
            Self::Other => "no known CI",
        }
    }

    /// Which one a job runs in.
    pub(crate) fn of(variables: &Variables) -> Self {
        let has = |name: &str| get(variables, name).is_some();
        // Woodpecker sets some of Drone's; several set CI alone.
        let known = [
            (has("GITHUB_ACTIONS"), Self::GitHub),
            (has("GITLAB_CI"), Self::GitLab),
            (has("CIRCLECI"), Self::CircleCi),
            (has("TF_BUILD"), Self::Azure),
            (has("BITBUCKET_BUILD_NUMBER") || has("BITBUCKET_COMMIT"), Self::Bitbucket),
            (has("BUILDKITE"), Self::Buildkite),
            (get(variables, "CI") == Some("woodpecker"), Self::Woodpecker),
            (has("DRONE"), Self::Drone),
            (has("TRAVIS"), Self::Travis),
            (has("JENKINS_URL") || has("JENKINS_HOME"), Self::Jenkins),
        ];
        known.into_iter().find(|(is, _)| *is).map_or(Self::Other, |(_, system)| system)
    }
}

/// A variable that is set and not empty.
pub(crate) fn get<'v>(variables: &'v Variables, name: &str) -> Option<&'v str> {
    variables.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
}

/// An id that is not all zeros.
pub(crate) fn real(id: Option<&str>) -> Option<&str> {
    id.filter(|id| !id.is_empty() && !id.bytes().all(|byte| byte == b'0'))
}

/// What the job is about. `event` is the text of the event file, where the system gives one; `base` and `head` are what
/// the user says.
pub(crate) fn resolve(variables: &Variables, event: Option<&str>, base: Option<&str>, head: Option<&str>) -> Job {
    if let Some(base) = base {
        let head = head.unwrap_or("HEAD");
        let end = |rev: &str| End { revs: vec![rev.to_owned()], fetch: Vec::new() };
        return Job::Range(Range { base: end(base), head: end(head), source: "flags", proposed: true });
    }
    let job = match System::of(variables) {
        System::GitHub => forge::github(variables, event),
        System::GitLab => forge::gitlab(variables),
        System::CircleCi => forge::circle(variables),
        System::Jenkins => forge::jenkins(variables),
        System::Azure => forge::azure(variables),
        System::Bitbucket => forge::bitbucket(variables),
        System::Buildkite => forge::buildkite(variables),
        System::Drone => forge::drone(variables),
        System::Woodpecker => forge::woodpecker(variables),
        System::Travis => forge::travis(variables),
        System::Other => Job::Whole("no CI was recognised; give --base"),
    };
    match (job, head) {
        (Job::Range(range), Some(head)) => {
            Job::Range(Range { head: End { revs: vec![head.to_owned()], fetch: Vec::new() }, ..range })
        }
        (job, _) => job,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const M: &str = "cccccccccccccccccccccccccccccccccccccccc";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn job(variables: &[(&str, &str)], event: Option<&str>) -> Job {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        resolve(&variables, event, None, None)
    }

    /// `base..head source` of the first revision of each, with `!` for what is proposed.
    fn shown(job: &Job) -> String {
        match job {
            Job::Range(range) => {
                let mark = if range.proposed { "!" } else { "" };
                format!("{mark}{}..{} {}", range.base.revs[0], range.head.revs[0], range.source)
            }
            Job::Whole(_) => "whole".to_owned(),
            Job::Empty(_) => "empty".to_owned(),
        }
    }

    fn github(name: &str, event: &str) -> String {
        let event = event.replace("$A", A).replace("$B", B).replace("$0", ZERO);
        shown(&job(
            &[("GITHUB_ACTIONS", "true"), ("CI", "true"), ("GITHUB_EVENT_NAME", name), ("GITHUB_SHA", M)],
            Some(&event),
        ))
    }

    #[test]
    fn github_events() {
        let pull = r#"{"number":7,"pull_request":{"commits":3,"base":{"sha":"$A","ref":"main"},"head":{"sha":"$B"}}}"#;
        assert_eq!(github("pull_request", pull), format!("!{A}..{B} event-json"));
        assert_eq!(
            github("pull_request_target", pull),
            format!("!{A}..{B} event-json"),
            "GITHUB_SHA is the base there"
        );
        assert_eq!(github("pull_request_review", pull), format!("!{A}..{B} event-json"));
        assert_eq!(
            github("merge_group", r#"{"merge_group":{"base_sha":"$A","head_sha":"$B"}}"#),
            format!("!{A}..{B} event-json")
        );
        let push = |before: &str, more: &str| {
            github(
                "push",
                &format!(
                    r#"{{"ref":"refs/heads/x","before":"{before}","after":"$B","repository":{{"default_branch":"main"}}{more}}}"#
                ),
            )
        };
        assert_eq!(push("$A", ""), format!("{A}..{B} event-json"));
        assert_eq!(push("$A", r#","forced":true"#), format!("{A}..{B} event-json"));
        assert_eq!(
            push("$0", r#","created":true"#),
            format!("refs/remotes/origin/main..{B} event-json"),
            "a new branch"
        );
        let first = r#"{"ref":"refs/heads/main","before":"$0","after":"$B","repository":{"default_branch":"main"}}"#;
        assert_eq!(github("push", first), "whole", "the first push of all");
        assert_eq!(github("push", r#"{"ref":"refs/heads/x","before":"$A","after":"$0","deleted":true}"#), "empty");
        assert_eq!(github("schedule", "{}"), "whole");
        assert_eq!(github("workflow_dispatch", r#"{"ref":"refs/heads/main"}"#), "whole");
        assert_eq!(github("push", "nonsense"), "whole");
        let forced = job(
            &[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "push")],
            Some(&format!(
                r#"{{"ref":"refs/heads/x","before":"{A}","after":"{B}","forced":true,"repository":{{"default_branch":"main"}}}}"#
            )),
        );
        let Job::Range(range) = forced else { panic!() };
        assert_eq!(range.base.revs, [A, "refs/remotes/origin/main"], "what was before may be gone");
    }

    #[test]
    fn github_without_its_event() {
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_BASE_REF", "main"),
            ("GITHUB_SHA", M),
        ];
        assert_eq!(shown(&job(&variables, None)), format!("!refs/remotes/origin/main..{M} environment"));
    }

    #[test]
    fn gitlab_pipelines() {
        let pipeline = |more: &[(&str, &str)]| {
            let mut all = vec![
                ("GITLAB_CI", "true"),
                ("CI_COMMIT_SHA", M),
                ("CI_DEFAULT_BRANCH", "main"),
                ("CI_COMMIT_BEFORE_SHA", ZERO),
            ];
            all.extend(more);
            job(&all, None)
        };
        let merge = pipeline(&[
            ("CI_MERGE_REQUEST_IID", "5"),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", A),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "dev"),
        ]);
        let Job::Range(range) = &merge else { panic!() };
        assert_eq!(
            (&range.base.revs, &range.head.revs, range.proposed),
            (&vec!["refs/remotes/origin/dev".to_owned(), A.to_owned()], &vec![M.to_owned()], true)
        );
        assert_eq!(range.base.fetch, ["refs/heads/dev", A], "the target first: DIFF_BASE is stale after a retarget");
        let merged = pipeline(&[
            ("CI_MERGE_REQUEST_IID", "5"),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", A),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", B),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", M),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "dev"),
        ]);
        assert_eq!(shown(&merged), format!("!{M}..{B} environment"));
        assert_eq!(
            shown(&pipeline(&[("CI_COMMIT_BRANCH", "x")])),
            format!("refs/remotes/origin/main..{M} environment")
        );
        assert_eq!(
            shown(&pipeline(&[("CI_COMMIT_BRANCH", "x"), ("CI_COMMIT_BEFORE_SHA", A)])),
            format!("{A}..{M} environment")
        );
        assert_eq!(shown(&pipeline(&[("CI_COMMIT_BRANCH", "main")])), "whole");
        assert_eq!(shown(&pipeline(&[("CI_PIPELINE_SOURCE", "schedule")])), "whole");
    }

    #[expect(clippy::too_many_lines, reason = "a table: one row a system")]
    #[test]
    fn the_others() {
        let dots = format!("{A}...{B}");
        let compare = format!("https://x/compare/{dots}");
        let cases: Vec<(Vec<(&str, &str)>, String)> = vec![
            (
                vec![("CIRCLECI", "true"), ("CIRCLE_SHA1", B), ("CIRCLE_BRANCH", "x")],
                format!("!refs/remotes/origin/HEAD..{B} environment"),
            ),
            (vec![("CIRCLECI", "true"), ("CIRCLE_SHA1", B), ("CIRCLE_BRANCH", "main")], "whole".into()),
            (
                vec![("CIRCLECI", "true"), ("CIRCLE_SHA1", B), ("CIRCLE_COMPARE_URL", &compare)],
                format!("{A}..{B} environment"),
            ),
            (
                vec![("JENKINS_URL", "u"), ("CHANGE_ID", "3"), ("CHANGE_TARGET", "dev"), ("GIT_COMMIT", B)],
                format!("!refs/remotes/origin/dev..{B} environment"),
            ),
            (
                vec![("JENKINS_URL", "u"), ("GIT_PREVIOUS_SUCCESSFUL_COMMIT", A), ("GIT_COMMIT", B)],
                format!("{A}..{B} environment"),
            ),
            (vec![("JENKINS_URL", "u"), ("GIT_COMMIT", B)], "whole".into()),
            (
                vec![
                    ("TF_BUILD", "True"),
                    ("SYSTEM_PULLREQUEST_PULLREQUESTID", "4"),
                    ("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/dev"),
                    ("SYSTEM_PULLREQUEST_SOURCECOMMITID", B),
                    ("BUILD_SOURCEVERSION", M),
                ],
                format!("!refs/remotes/origin/dev..{B} environment"),
            ),
            (
                vec![("TF_BUILD", "True"), ("BUILD_SOURCEVERSION", M), ("BUILD_SOURCEBRANCH", "refs/heads/x")],
                format!("!refs/remotes/origin/HEAD..{M} environment"),
            ),
            (
                vec![
                    ("BITBUCKET_BUILD_NUMBER", "1"),
                    ("BITBUCKET_PR_ID", "2"),
                    ("BITBUCKET_PR_DESTINATION_COMMIT", A),
                    ("BITBUCKET_PR_DESTINATION_BRANCH", "main"),
                    ("BITBUCKET_COMMIT", B),
                ],
                format!("!{A}..{B} environment"),
            ),
            (
                vec![
                    ("BUILDKITE", "true"),
                    ("BUILDKITE_PULL_REQUEST", "9"),
                    ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", "main"),
                    ("BUILDKITE_COMMIT", B),
                ],
                format!("!refs/remotes/origin/main..{B} environment"),
            ),
            (
                vec![
                    ("BUILDKITE", "true"),
                    ("BUILDKITE_PULL_REQUEST", "false"),
                    ("BUILDKITE_BRANCH", "main"),
                    ("BUILDKITE_PIPELINE_DEFAULT_BRANCH", "main"),
                    ("BUILDKITE_COMMIT", B),
                ],
                "whole".into(),
            ),
            (
                vec![
                    ("DRONE", "true"),
                    ("DRONE_PULL_REQUEST", "1"),
                    ("DRONE_TARGET_BRANCH", "main"),
                    ("DRONE_COMMIT_SHA", B),
                ],
                format!("!refs/remotes/origin/main..{B} environment"),
            ),
            (
                vec![("DRONE", "true"), ("DRONE_COMMIT_BEFORE", A), ("DRONE_COMMIT_AFTER", B)],
                format!("{A}..{B} environment"),
            ),
            (
                vec![
                    ("CI", "woodpecker"),
                    ("CI_PIPELINE_EVENT", "pull_request"),
                    ("CI_COMMIT_TARGET_BRANCH", "main"),
                    ("CI_COMMIT_SHA", B),
                ],
                format!("!refs/remotes/origin/main..{B} environment"),
            ),
            (
                vec![
                    ("CI", "woodpecker"),
                    ("CI_PIPELINE_EVENT", "push"),
                    ("CI_PREV_COMMIT_SHA", A),
                    ("CI_COMMIT_SHA", B),
                ],
                format!("{A}..{B} environment"),
            ),
            (
                vec![
                    ("TRAVIS", "true"),
                    ("TRAVIS_PULL_REQUEST", "3"),
                    ("TRAVIS_BRANCH", "main"),
                    ("TRAVIS_PULL_REQUEST_SHA", B),
                    ("TRAVIS_COMMIT", M),
                ],
                format!("!refs/remotes/origin/main..{B} environment"),
            ),
            (
                vec![
                    ("TRAVIS", "true"),
                    ("TRAVIS_PULL_REQUEST", "false"),
                    ("TRAVIS_COMMIT_RANGE", &dots),
                    ("TRAVIS_COMMIT", B),
                ],
                format!("{A}..{B} environment"),
            ),
            (vec![("CI", "true")], "whole".into()),
        ];
        for (variables, expected) in cases {
            assert_eq!(shown(&job(&variables, None)), expected, "{variables:?}");
        }
    }

    #[test]
    fn what_the_user_says_goes_first() {
        let variables = [("GITHUB_ACTIONS", "true")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        assert_eq!(shown(&resolve(&variables, None, Some("main"), None)), "!main..HEAD flags");
        assert_eq!(shown(&resolve(&variables, None, Some(A), Some(B))), format!("!{A}..{B} flags"));
    }
}
