//! Words and what they say: of keys, of values, and of the text round them.

use std::sync::LazyLock;

/// One class of words; a set of classes is a bit set.
macro_rules! classes {
    ($($name:ident = $words:expr;)*) => {
        #[derive(Clone, Copy)]
        #[repr(u32)]
        pub(super) enum Class { $($name),* }
        const LISTS: &[(Class, &str)] = &[$((Class::$name, $words)),*];
        /// Names of the classes, in the order of their bits.
        pub(super) const CLASS_NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

classes! {
    Password = "pass password passwd pwd passphrase psw pswd passcode pw passwort kennwort senha clave contrasena contrasenya mdp wachtwoord haslo heslo sifre parola passwords userpassword userpass";
    Secret = "secret secrets sec geheim segredo secreto segreto mnemonic seed";
    Token = "token tokens ticket jeton jwt bearer";
    Key = "key keys apikey accesskey secretkey privatekey appkey chave chiave klucz schluessel";
    Auth = "auth authorization authentication oauth oauth2 authenticate authtoken authkey basic authenticator authinfo saml sso openid oidc";
    Api = "api rest sdk webhook endpoint graphql http https";
    Access = "access refresh id bearer personal pat";
    Privilege = "private priv master root admin administrator super superuser sudo owner system sys sa service svc";
    Client = "client consumer app application customer tenant partner merchant";
    Cred = "cred creds credential credentials";
    User = "user username usr login account email mail uid userid uname member usuario usuarios benutzer profile signin";
    Database = "db database mysql postgres postgresql pg redis mongo mongodb oracle rabbit rabbitmq amqp sql mssql jdbc datasource ldap smtp imap ftp sftp elastic elasticsearch mariadb sqlserver cassandra kafka mqtt memcached sqlite couchdb couchbase influxdb neo4j derby dsn odbc hikari broker proxy vpn wifi wpa psk ssid bind";
    Crypto = "encryption encrypt encrypted decrypt decryption aes des rsa hmac cipher crypto sign signing signature signed jwk jwe jws ssh tls ssl keystore truststore keypair cert certificate pem pkcs pkcs12 p12 pfx jks ecdsa ed25519 curve sha sha1 sha256 sha512 md5 digest hash hashed bcrypt scrypt pbkdf2 checksum";
    Session = "session cookie csrf xsrf nonce salt iv state sess antiforgery";
    Otp = "otp totp hotp 2fa mfa twofactor authenticator seed pin recovery backup";
    Testing = "test tests testing tester fake mock mocks dummy example examples sample samples demo expected actual fixture fixtures stub spec unit";
    Invalid = "invalid wrong bad incorrect error errors err fail failed failure mismatch weak missing required empty denied unauthorized illegal nope not";
    Renew = "old new confirm confirmation current repeat again verify retype reset forgot change changed update previous prev last next";
    Id = "id ids uuid guid ident identifier ref sku slug etag";
    Sealed = "encrypted enc hashed hash digest bcrypt sealed crypted ciphertext signature fingerprint checksum thumbprint sha sha1 sha256 md5 hmac";
    Meta = "name type types field fields label length len size count min max minimum maximum policy prompt message messages msg title text placeholder hint header headers param params parameter parameters prefix suffix format pattern regex regexp column attr attribute attributes property properties option options kind mode class method algorithm alg encoder encoding version expiry expires expiration expire ttl timeout age strength rule rules validator validation description desc help info status index table schema ref reference number num no value values list array set map config configuration settings setting";
    Location = "url uri path file filename files dir directory folder host hostname port server servers location store link domain page route redirect callback bucket region ring chain address ip addr localhost vault";
    Action = "get is has check validate generate create make show hide toggle enable disable enabled disabled allow allowed require use used on handle send load read find encode decode parse build write save delete remove add insert fetch request issue revoke rotate compare match protect protected callback manager provider factory handler service listener helper util utils filter strategy builder generator";
    Public = "public pub primary foreign cache sort partition routing unique object lookup translation i18n locale event shortcut license product site keyid grouping order orderby sorting idempotency hot press code pressed down composite natural";
    Ui = "input button form dialog modal icon screen view component widget span div css style color font width height margin padding tooltip checkbox textbox textfield edit display visible content menu tab";
    Vendor = "aws s3 amazon github gitlab bitbucket slack stripe twilio google gcp gcm fcm firebase facebook fb twitter azure sendgrid mailgun mailchimp dropbox paypal heroku docker dockerhub npm pypi nuget discord telegram shopify square algolia mapbox datadog newrelic sentry pusher linkedin instagram spotify wechat weixin qiniu aliyun oss tencent alipay minio grafana jenkins sonar okta auth0 travis circleci codecov coveralls digitalocean cloudflare netlify vercel flickr lastfm django rails laravel flask jira confluence atlassian zendesk hubspot salesforce";
    Placeholder = "your my example change changeme replace insert here enter dummy fake sample todo xxx xxxx redacted hidden masked placeholder fixme put some goes changeit replaceme yours foo bar baz foobar blah tbd whatever something anything yoursecret yourpassword fill specify censored removed sanitized obfuscated omitted";
    Trivial = "password passwd pass secret admin root guest postgres test qwerty letmein user mysql oracle welcome hello abc token key default master login pwd elastic rabbitmq minioadmin sa redis mongo testing demo public private username passw supersecret mysecret mypassword topsecret";
    Typing = "string str int integer bool boolean varchar text bytes byte number optional required object array any char uuid long float double null none nil undefined true false void nullable type secretstr typeof unknown never list dict hash symbol enum char8 nvarchar date datetime timestamp json url ref hidden textarea checkbox";
    Prose = "the is are must not do does match please forgot reset enter incorrect invalid wrong at least characters too short or and for to of in with a an this that your you be has can cannot been was will should contain contains need needed only if when it its from by on have no may we our use using used which then than but as into more one see set empty password";
    Code = "function return new this self process env config get options params param request req res response args arg ctx context settings conf props state data value values os environ getenv input form field length var let const static import require encrypt decrypt hash generate random opts cfg configuration getpass session cookies headers body query attrs model target result obj instance payload event e i x s p";
    Field = "username email name id url file path host port client access refresh api auth bearer header cookie session current confirm old label title message placeholder hint button form field column csrf oauth grant code scope basic digest apikey credentials credential authorization jwt totp otp";
    Lang = "function def class public private protected static final var let const val import package using namespace func fn return if else end elif for while void int string struct impl interface type self this override async await try catch except throw throws switch case do begin module include require use extends implements new";
    Assert = "assert assertequals assertequal assertthat assertfalse asserttrue expect expects should describe it equal equals eq equalto tobe toequal given when then before after beforeeach aftereach setup teardown testcase pytest unittest junit test tests assertion raises context subject deepequal strictequal mock fixture";
    Command = "curl wget mysql psql docker mysqldump redis ssh scp kubectl helm git openssl az aws gcloud heroku npm sudo bash sh export run exec echo create alter grant identified login connect net runas sshpass mongo mongosh sqlplus ldapsearch";
    Trueish = "true false yes no on off null none nil undefined";
    Vector = "vector vectors testvector testvectors plaintext ciphertext pt ct aad ad okm ikm prk kat nist rfc wycheproof keystream shared eph ephemeral nonce iv tag mac hex unhexlify fromhex unhex hexdump keylen taglen ivlen cavp drbg keygen encaps decaps dh ecdh kem hkdf x25519 x448 p256 p384 chacha20 poly1305 gcm cbc ctr ecb siphash blake2b";
    // of paths only
    PathTest = "test tests testing tested testdata spec specs mock mocks mocked fixture fixtures snapshots e2e unittest unittests";
    PathExample = "example examples sample samples demo demos tutorial tutorials playground";
    PathDoc = "doc docs readme changelog wiki guide guides md documentation rst man";
    PathVendor = "vendor vendored modules third party bower external dist deps";
    PathConfig = "conf config configs configuration setting settings env properties property secret secrets ansible helm etc";
    PathLocale = "locale locales i18n lang langs language languages translation translations l10n messages";
    PathDeploy = "docker deploy deployment k8s kube kubernetes ci build script scripts terraform compose dockerfile";
    PathTemplate = "template templates tpl j2 erb dist tmpl";
    PathSource = "src lib app pkg internal source";
    PathSecret = "secret secrets cred creds credential credentials password passwords passwd vault secure security private";
    // of guesses only
    Guess = "world let me in iloveyou monkey dragon football baseball shadow sunshine princess trustno1 batman superman hunter hunter2 qwertz azerty opensesame sesame love money internet computer secure secured security safe strong top super very really temp tmp dev development prod production stage staging qa local localhost server app public open anonymous anon nobody nothing something correct good true false yes no none random string text value data name one two three real long short thing word words phrase please this lorem ipsum bogus junk";
}

const SLOTS: usize = 4096;

struct Table {
    hashes: Vec<u32>,
    wide: Vec<u64>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { hashes: vec![0; SLOTS], wide: vec![0; SLOTS] };
    for &(class, words) in LISTS {
        for word in words.split(' ') {
            let hash = word.bytes().fold(SEED, step).max(1);
            let mut slot = hash as usize % SLOTS;
            while table.hashes[slot] != 0 && table.hashes[slot] != hash {
                slot = (slot + 1) % SLOTS;
            }
            table.hashes[slot] = hash;
            table.wide[slot] |= 1 << class as u32;
        }
    }
    table
});

/// Where the hash of a word begins.
pub(super) const SEED: u32 = 2_166_136_261;
const PRIME: u32 = 16_777_619;

/// The hash of a word with one more letter.
pub(super) fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(PRIME)
}

/// The classes of a word, given the hash of its lower-case letters.
fn classes_of(hash: u32) -> u64 {
    let table = &*TABLE;
    let hash = hash.max(1);
    let mut slot = hash as usize % SLOTS;
    loop {
        match table.hashes[slot] {
            0 => return 0,
            found if found == hash => return table.wide[slot],
            _ => slot = (slot + 1) % SLOTS,
        }
    }
}

/// The classes that guesses are made of.
const GUESSED: u64 = {
    use Class::{
        Access, Api, Auth, Client, Cred, Database, Guess, Invalid, Key, Password, Placeholder, Privilege, Prose, Renew,
        Secret, Session, Testing, Token, Trivial, User, Vendor,
    };
    let classes = [
        Access,
        Api,
        Auth,
        Client,
        Cred,
        Database,
        Guess,
        Invalid,
        Key,
        Password,
        Placeholder,
        Privilege,
        Prose,
        Renew,
        Secret,
        Session,
        Testing,
        Token,
        Trivial,
        User,
        Vendor,
    ];
    let (mut set, mut at) = (0, 0);
    while at < classes.len() {
        set |= 1 << classes[at] as u32;
        at += 1;
    }
    set
};

/// Whether guesses are made of the word with this hash.
pub(super) fn is_common(hash: u32) -> bool {
    classes_of(hash) & GUESSED != 0
}

/// Calls `see(classes, start, end)` for every word of `text`: runs of letters and digits, split where a capital
/// follows a small letter and where digits begin (`2fa` and `oauth2` are looked up whole as well).
pub(super) fn each(text: &[u8], mut see: impl FnMut(u64, usize, usize)) {
    each_hashed(text, |hash, start, end| see(shared_classes(hash), start, end));
}

/// As [`each`], with the classes that are of paths only.
pub(super) fn each_of_path(text: &[u8], mut see: impl FnMut(u64, usize, usize)) {
    each_hashed(text, |hash, start, end| see(classes_of(hash), start, end));
}

/// The classes of the word with this hash.
pub(super) fn shared_classes(hash: u32) -> u64 {
    classes_of(hash) & ((1 << SHARED) - 1)
}

/// As [`each`], with the hash of the word's small letters.
pub(super) fn each_hashed(text: &[u8], mut see: impl FnMut(u32, usize, usize)) {
    let mut at = 0;
    while let Some(&first) = text.get(at) {
        if !first.is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let start = at;
        let mut hash = SEED;
        while let Some(&byte) = text.get(at) {
            if !byte.is_ascii_lowercase() && (!byte.is_ascii_uppercase() || begins_word(text, start, at)) {
                break;
            }
            // A letter's small form differs in one bit.
            hash = (hash ^ u32::from(byte | 0x20)).wrapping_mul(PRIME);
            at += 1;
        }
        see(hash, start, at);
    }
}

/// Whether the capital at `at` begins a new word, where one has begun at `start`.
fn begins_word(text: &[u8], start: usize, at: usize) -> bool {
    let next_small = || text.get(at + 1).is_some_and(u8::is_ascii_lowercase);
    at > start && (text[at - 1].is_ascii_lowercase() || at - start > 1 && next_small())
}

/// Classes that keys, values and text are looked up in; those after are of paths only.
pub(super) const SHARED: usize = Class::PathTest as usize;

/// The numbers of the classes in a set.
pub(super) fn members(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let class = set.trailing_zeros() as usize;
        (set != 0).then(|| {
            set &= set - 1;
            class
        })
    })
}

/// Whether `set` holds `class`.
pub(super) fn has(set: u64, class: Class) -> bool {
    set >> class as u32 & 1 == 1
}
