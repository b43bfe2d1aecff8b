#!/usr/bin/env python3
"""Make lines that hold one credential each, and lines that hold none, in the forms people write.

  made.py OUT_DIR [--seed 7]

Writes OUT_DIR/made/true/*.EXT and OUT_DIR/made/false/*.EXT, to be dumped by the judge's bench and given to train.py as
--made. Values are made here: random passwords with symbols, passphrases, pronounceable and numeric passwords, keys.
"""
import argparse, base64, os, random, string

WORDS = """anchor autumn badger bamboo barrel beacon blanket bottle branch bridge bronze butter button cabin candle canyon
carbon castle cedar cherry circle clover cobalt comet copper coral cotton cradle crystal dagger desert dragon eagle ember
engine falcon feather fabric forest fossil garden ginger glacier granite hammer harbor hazel helmet hollow hunter island
ivory jacket jasper jungle kettle ladder lantern lemon lizard magnet maple marble meadow mirror monsoon nectar nickel oasis
ocean olive orchid oyster paddle panther pebble pepper pigeon planet pocket prairie pumpkin quartz rabbit raven ribbon
river rocket saddle salmon shadow silver spider spruce summer sunset temple thunder timber tunnel turtle valley velvet
violet walnut willow window winter wizard yellow zephyr""".split()
HOSTS = ["db.internal.acme.io", "10.1.4.22", "localhost", "mq.prod.corp.net", "cache-1.eu.acme.io", "postgres", "mysql", "redis",
         "mongo0.acme.io", "ftp.partner.net", "smtp.mailhub.org", "127.0.0.1", "rabbit", "ldap.corp.local"]
USERS = ["app", "svc_report", "deploy", "jenkins", "alice", "m.schmidt", "root", "billing", "etl", "webapp", "admin", "postgres", "backup"]


def syllables(r, n):
    return "".join(r.choice("bcdfgklmnprstvz") + r.choice("aeiou") for _ in range(n))


def password(r):
    kind = r.randrange(10)
    if kind <= 1:
        n = r.randint(10, 16)
        alphabet = string.ascii_letters + string.digits + "!@#$%^&*-_+=?"
        s = [r.choice(string.ascii_lowercase), r.choice(string.ascii_uppercase), r.choice(string.digits), r.choice("!@#%^*-_+?")]
        s += [r.choice(alphabet) for _ in range(n - 4)]; r.shuffle(s); return "symbols", "".join(s).replace("$", "S")
    if kind in (2, 9): return "phrase", r.choice("- _.").join(r.choice(WORDS) for _ in range(r.randint(3, 5)))
    if kind == 3: return "pronounceable", syllables(r, r.randint(3, 5)) + r.choice(["", str(r.randint(10, 999)), "!"])
    if kind == 4: return "word", r.choice(WORDS).capitalize() + r.choice(WORDS) + str(r.randint(1, 9999)) + r.choice(["", "!", "#"])
    if kind == 5: return "leet", r.choice(WORDS).replace("a", "@").replace("e", "3").replace("o", "0") + r.choice(WORDS)[:4] + str(r.randint(1, 99))
    if kind == 6: return "alnum", "".join(r.choice(string.ascii_letters + string.digits) for _ in range(r.randint(8, 20)))
    if kind == 7: return "lower", "".join(r.choice(string.ascii_lowercase + string.digits) for _ in range(r.randint(8, 14)))
    return "dictionary", r.choice(WORDS) + r.choice(["", r.choice(WORDS), str(r.randint(10, 99))])


def secret(r):
    kind = r.randrange(5)
    if kind == 0: return "".join(r.choice("0123456789abcdef") for _ in range(r.choice([32, 40, 64, 24])))
    if kind == 1: return base64.b64encode(r.randbytes(r.choice([24, 32, 48, 20]))).decode()
    if kind == 2: return "".join(r.choice(string.ascii_letters + string.digits + "-_") for _ in range(r.randint(24, 48))).strip("-_") + "x7"
    if kind == 3: return "".join(r.choice(string.ascii_letters + string.digits) for _ in range(r.randint(20, 40)))
    return "-".join("".join(r.choice("0123456789abcdef") for _ in range(n)) for n in (8, 4, 4, 4, 12))


PW_KEYS = ["password", "db_password", "DB_PASSWORD", "dbPassword", "passwd", "pwd", "PGPASSWORD", "MYSQL_ROOT_PASSWORD", "userPassword",
           "spring.datasource.password", "smtp_pass", "redis-password", "ADMIN_PASS", "ftp.pwd", "passphrase", "keystorePassword", "root_pw",
           "contrasena", "senha", "passwort", "mot_de_passe", "admin_password", "MAIL_PASSWORD", "ldap_bind_password"]
SEC_KEYS = ["secret", "client_secret", "SECRET_KEY", "secretKey", "api_key", "apiKey", "API_TOKEN", "access_token", "authToken", "auth_token",
            "accessKey", "encryption_key", "jwt_secret", "app_secret", "SLACK_TOKEN", "private_token", "webhook_secret", "signing_key",
            "AWS_SECRET_ACCESS_KEY", "consumer_secret", "deploy_token", "masterKey", "x-api-key"]
CODE = [("py", '{i}{k} = "{v}"\n'), ("py", "{i}{k}='{v}',\n"), ("py", "{i}'{k}': '{v}',\n"), ("js", "{i}{k}: '{v}',\n"), ("js", "const {k} = '{v}';\n"),
        ("ts", "{i}{k}: \"{v}\",\n"), ("java", '{i}private static final String {k} = "{v}";\n'), ("java", '{i}props.setProperty("{k}", "{v}");\n'),
        ("go", '{i}{k} := "{v}"\n'), ("go", '{i}{k}: "{v}",\n'), ("rb", "{i}{k}: '{v}'\n"), ("rb", "{i}:{k} => '{v}',\n"), ("php", "{i}${k} = '{v}';\n"),
        ("php", "{i}'{k}' => '{v}',\n"), ("cs", '{i}var {k} = "{v}";\n'), ("kt", '{i}val {k} = "{v}"\n'), ("rs", '{i}let {k} = "{v}";\n'), ("swift", '{i}let {k} = "{v}"\n')]
CONF = [("json", '  "{k}": "{v}",\n'), ("yml", "{i}{k}: {v}\n"), ("yaml", "{i}{k}: \"{v}\"\n"), ("env", "{k}={v}\n"), ("properties", "{k}={v}\n"),
        ("ini", "{k} = {v}\n"), ("toml", '{k} = "{v}"\n'), ("conf", "{k} {v}\n"), ("sh", "export {k}={v}\n"), ("sh", 'export {k}="{v}"\n'), ("Dockerfile", "ENV {k}={v}\n"),
        ("xml", '    <add key="{k}" value="{v}" />\n'), ("xml", "  <{k}>{v}</{k}>\n"), ("xml", '  <property name="{k}" value="{v}"/>\n'), ("tf", '  {k} = "{v}"\n'),
        ("yml", "        - name: {k}\n          value: {v}\n"), ("yml", "      - {k}={v}\n"), ("md", "{k}: `{v}`\n"), ("md", "    {k}={v}\n")]
URLS = [("py", 'DATABASE_URL = "{s}://{u}:{v}@{h}:5432/app"\n'), ("env", "DATABASE_URL={s}://{u}:{v}@{h}/app\n"), ("yml", "  url: {s}://{u}:{v}@{h}:6379/0\n"),
        ("js", "const uri = '{s}://{u}:{v}@{h}/main?retry=true';\n"), ("md", "git clone https://{u}:{v}@{h}/repo.git\n"), ("json", '  "broker": "{s}://{u}:{v}@{h}",\n'),
        ("go", 'db, err := sql.Open("mysql", "{u}:{v}@tcp({h}:3306)/shop")\n'), ("properties", "jdbc.url=jdbc:{s}://{u}:{v}@{h}/app\n")]
COMMANDS = [("sh", "curl -u {u}:{v} https://{h}/upload\n"), ("sh", "curl --user '{u}:{v}' https://{h}/api\n"), ("sh", "mysql -u {u} -p{v} -h {h} shop\n"),
            ("sh", "sshpass -p '{v}' ssh {u}@{h}\n"), ("sh", "docker login -u {u} -p {v} {h}\n"), ("md", "tool login --username {u} --password {v}\n"),
            ("ps1", "$pw = ConvertTo-SecureString '{v}' -AsPlainText -Force\n"), ("ps1", '$c = ConvertTo-SecureString -String "{v}" -AsPlainText -Force\n'),
            ("sql", "CREATE USER '{u}'@'%' IDENTIFIED BY '{v}';\n"), ("sql", "ALTER USER {u} WITH PASSWORD '{v}';\n"), ("sql", "CREATE ROLE {u} LOGIN PASSWORD '{v}';\n"),
            ("cs", 'client.Credentials = new NetworkCredential("{u}", "{v}");\n'), ("py", "requests.get(url, auth=('{u}', '{v}'))\n"), ("java", 'ds.setPassword("{v}");\n'),
            ("cs", 'var cs = "Server={h};Database=app;User Id={u};Password={v};";\n'), ("md", "login with user `{u}` and password `{v}`\n"), ("md", "Password: {v}\n")]
HEADERS = [("http", "Authorization: Bearer {v}\n"), ("py", 'headers = {{"Authorization": "Bearer {v}"}}\n'), ("js", "  'Authorization': 'Bearer {v}',\n"),
           ("sh", 'curl -H "Authorization: Bearer {v}" https://{h}/api\n'), ("sh", "curl -H 'X-Api-Key: {v}' https://{h}/api\n"), ("go", 'req.Header.Set("Authorization", "Bearer {v}")\n'),
           ("http", "Authorization: Token {v}\n"), ("py", "headers={{'Authorization': 'token {v}'}}\n"), ("java", '.header("Authorization", "Bearer {v}")\n')]
# what people also write: constructors, tuples, forms of tools and of their files
MORE = [("rb", "{i}client = Slack::Client.new(token: '{v}')\n"), ("rb", "{i}@{k} = Token.new('{v}')\n"), ("py", '{i}cred = PasswordCredential("{v}")\n'),
        ("java", '{i}new BasicAWSCredentials("{u}", "{v}")\n'), ("java", '{i}new UsernamePasswordCredentials("{u}", "{v}");\n'), ("java", '{i}.{k}("{v}")\n'),
        ("cs", '{i}new ApiKeyCredential("{v}");\n'), ("ts", "{i}const api = new ApiKey('{v}');\n"), ("kt", '{i}password("{v}")\n'), ("php", "define('DB_PASSWORD', '{v}');\n"),
        ("php", "define( 'AUTH_KEY', '{v}' );\n"), ("php", "{i}$config['{k}'] = '{v}';\n"), ("py", "{i}conn = connect('{h}', '{u}', password='{v}')\n"),
        ("py", "{i}os.environ['{K}'] = '{v}'\n"), ("py", '{i}os.environ.setdefault("{K}", "{v}")\n'), ("js", "{i}process.env.{K} = '{v}';\n"), ("js", "{i}{k}: process.env.{K} || '{v}',\n"),
        ("py", '{i}{k} = os.getenv("{K}", "{v}")\n'), ("rb", "{i}{k} = ENV.fetch('{K}', '{v}')\n"), ("sh", ": ${{{K}:={v}}}\n"), ("sh", "{K}=${{{K}:-{v}}}\n"),
        ("npmrc", "//registry.npmjs.org/:_authToken={v}\n"), ("netrc", "machine {h} login {u} password {v}\n"), ("xml", "      <server><id>x</id><username>{u}</username><password>{v}</password></server>\n"),
        ("yml", "stringData:\n  {k}: {v}\n"), ("yml", "  environment:\n    - {K}={v}\n"), ("yml", "    env:\n      {K}: '{v}'\n"), ("tf", 'variable "{k}" {{\n  default = "{v}"\n}}\n'),
        ("json", '"body": "{{\\"{k}\\": \\"{v}\\"}}",\n'), ("py", "{i}data = '{{\"user\": \"{u}\", \"{k}\": \"{v}\"}}'\n"), ("js", "{i}fetch('https://{h}/api?{k}={v}&page=1')\n"),
        ("http", "POST /login HTTP/1.1\n\nusername={u}&password={v}\n"), ("sql", "INSERT INTO users (name, password) VALUES ('{u}', '{v}');\n"), ("md", "| {k} | `{v}` |\n"),
        ("java", '{i}System.setProperty("{k}", "{v}");\n'), ("scala", '{i}{k} = Some("{v}"),\n'), ("rs", '{i}{k}: Some("{v}".to_string()),\n'), ("swift", '{i}static let {k}: String = "{v}"\n'),
        ("c", '#define {K} "{v}"\n'), ("cpp", '{i}const char* {k} = "{v}";\n'), ("m", '{i}NSString *{k} = @"{v}";\n'), ("bat", "set {K}={v}\n"), ("ps1", "$env:{K} = '{v}'\n"), ("groovy", "{i}{k} '{v}'\n")]
# a key or hash made of a secret, or an identifier beside one: random as can be, and yet none
SEALED = ["encrypted_{k}", "{k}_encrypted", "{k}_hash", "hashed_{k}", "{k}Hash", "{k}Digest", "{k}_fingerprint", "{k}Fingerprint", "{k}_checksum", "{k}_sha256", "{k}_signature",
          "encrypted{K2}", "public_key", "publicKey", "PUBLIC_KEY", "pubkey", "host_key", "ssh_public_key", "verify_key", "key_id", "keyId", "kid", "keyIdentifier", "{k}_id", "tokenId",
          "cache_key", "cacheKey", "object_key", "objectKey", "row_key", "partitionKey", "idempotency_key", "idempotencyKey", "nextToken", "next_page_token", "continuationToken", "pageToken",
          "csrf_token", "csrfToken", "authenticity_token", "__RequestVerificationToken", "Sec-WebSocket-Key", "Sec-WebSocket-Accept-Key", "token_hash", "salt_key", "auth_tag", "key_nonce",
          "site_key", "siteKey", "recaptcha_site_key", "publishable_key", "dedupe_key", "key_checksum", "signing_key_fingerprint", "badge_token", "image_key", "file_key", "translation_key"]
SEALED_FORMS = [("py", '{i}{k} = "{v}"\n'), ("js", "{i}{k}: '{v}',\n"), ("json", '  "{k}": "{v}",\n'), ("yml", "{i}{k}: {v}\n"), ("java", '{i}String {k} = "{v}";\n'), ("go", '{i}{k}: "{v}",\n'),
                ("env", "{k}={v}\n"), ("properties", "{k}={v}\n"), ("xml", "  <{k}>{v}</{k}>\n"), ("rb", "{i}{k}: '{v}',\n"), ("php", "{i}'{k}' => '{v}',\n"), ("sh", "{k}={v}\n"), ("har", '{{"name": "{k}", "value": "{v}"}},\n')]
NOT = [("py", '{i}{k} = os.environ["{K}"]\n'), ("py", "{i}{k} = getpass.getpass('Enter {k}: ')\n"), ("py", "{i}{k} = config.{k}\n"), ("py", "def login(user, {k}=None):\n"),
       ("js", "{i}{k}: process.env.{K},\n"), ("js", "{i}{k}: req.body.{k},\n"), ("js", "const {k} = await readSecret('{k}');\n"), ("ts", "{i}{k}: string;\n"), ("ts", "{i}{k}?: string | null;\n"),
       ("java", '{i}String {k} = request.getParameter("{k}");\n'), ("java", '{i}@Value("${{{k}}}") private String {k};\n'), ("go", '{i}{k} := os.Getenv("{K}")\n'), ("go", '{i}{k} string `json:"{k}"`\n'),
       ("yml", "{i}{k}: ${{{K}}}\n"), ("yml", "{i}{k}: {{{{ vault_{k} }}}}\n"), ("yml", "{i}{k}: !vault |\n"), ("yml", "  {k}: <your {k}>\n"), ("env", "{K}=\n"), ("env", "{K}=changeme\n"), ("env", "{K}=your-{k}-here\n"),
       ("json", '  "{k}": "Enter your {w}",\n'), ("json", '  "{k}_label": "{W}",\n'), ("json", '  "{k}": {{"type": "string"}},\n'), ("properties", "{k}.message=The {w} must not be empty\n"),
       ("properties", "{k}.label={W}\n"), ("html", '<input type="password" name="{k}" placeholder="{W}" />\n'), ("md", "| {k} | string | The {w} |\n"), ("md", "`{k}` is required and has at least 8 characters\n"),
       ("php", "{i}${k} = $_POST['{k}'];\n"), ("rb", "{i}{k} = params[:{k}]\n"), ("cs", '{i}public string {k} {{ get; set; }}\n'), ("tf", '  {k} = var.{k}\n'), ("xml", '    <add key="{k}" value="#{{{K}}}" />\n'),
       ("py", '{i}{k}_field = "{k}"\n'), ("js", "const {K}_KEY = '{k}';\n"), ("java", '{i}public static final String {K}_PROPERTY = "app.security.{k}";\n'), ("rs", '{i}{k}: Option<String>,\n'), ("c", '{i}{k} = strdup(optarg);\n'),
       ("py", '{i}{k}_hash = "{hash}"\n'), ("lock", '    {k}_checksum = "{hash}"\n'), ("json", '  "{k}Id": "{uuid}",\n'), ("py", "{i}primary_key = 'customer_{w2}'\n"), ("js", "{i}key: '{w2}-{w3}',\n"), ("js", "{i}key: 'menu.{w2}.{w3}',\n"),
       ("sh", 'curl -u "$USER:$PASS" https://{h}/api\n'), ("py", 'url = "postgres://{{}}:{{}}@{h}/app".format(user, pw)\n'), ("md", "postgres://user:password@host:5432/database\n"), ("env", "DATABASE_URL=postgres://${{USER}}:${{PASS}}@{h}/app\n"),
       ("http", "Authorization: Bearer <token>\n"), ("sh", 'curl -H "Authorization: Bearer $TOKEN" https://{h}/api\n')]
FILL = ["{i}host: {h}\n", "{i}port = 5432\n", "{i}user = \"{u}\"\n", "\n", "{i}name: {w2}\n", "# {w2} {w3}\n", "{i}timeout: 30\n", "{i}return {w2}\n", "{i}enabled: true\n", "// {w2} settings\n"]


def hashed(r):
    """Ciphertexts, hashes and public keys, which may stand even where the key says password."""
    hexes = lambda n: "".join(r.choice("0123456789abcdef") for _ in range(n))
    b64 = lambda n: base64.b64encode(r.randbytes(n)).decode()
    crypt = lambda n: "".join(r.choice("./" + string.ascii_letters + string.digits) for _ in range(n))
    return r.choice([lambda: b64(64), lambda: b64(r.choice([33, 48])) + "=" + b64(16), lambda: "$2b$12$" + crypt(53), lambda: "$6$" + crypt(8) + "$" + crypt(86), lambda: "sha1$" + hexes(5) + "$" + hexes(40),
                     lambda: "pbkdf2_sha256$30000$" + crypt(12) + "$" + b64(32), lambda: "{SSHA}" + b64(24), lambda: "ENC(" + b64(24) + ")", lambda: "{cipher}" + hexes(64), lambda: "AQICAH" + b64(60),
                     lambda: "gAAAAAB" + b64(72).rstrip("="), lambda: "{AQAAABAAAA" + b64(r.choice([24, 36])) + "}", lambda: "vault:v1:" + b64(32), lambda: "$apr1$" + crypt(8) + "$" + crypt(22)])()


def public(r):
    b64 = lambda n: base64.b64encode(r.randbytes(n)).decode()
    return r.choice([lambda: "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA" + b64(60), lambda: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE" + b64(63), lambda: "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJB" + b64(45),
                     lambda: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + b64(30), lambda: "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ" + b64(90), lambda: b64(32), lambda: "MIID" + b64(90)])()


def masked(r):
    a = "".join(r.choice(string.ascii_letters + string.digits) for _ in range(12))
    n = r.randint(4, 20)
    return r.choice([a[:4] + "*" * n + a[4:8], a[:3] + "*" * n, a[:6] + "...", a[:4] + "..." + a[4:8], a[:5] + "[...]" + a[5:9], "[omitted]", "[redacted]", "(hidden)", "<secret>", "x" * n, a[:4] + "x" * n, "X" * n + a[:3], "*" * n, "REDACTED-" + a[:4]])


def lesson(r):
    """One line with a value that looks like a secret and is none."""
    k = r.choice(["password", "secret", "token", "key", "api_key", "session_key", "private_key", "access_key", "client_secret"])
    kind = r.randrange(8)
    if kind <= 2:
        key = r.choice(SEALED).format(k=k, K2=k.title().replace("_", ""))
        v = r.choice([secret, secret, hashed, public])(r)
    elif kind == 3: key, v = r.choice(["password", "passwd", "db_password", "userPassword", "Password", "admin.password", "pwd"]), hashed(r)
    elif kind == 4: key, v = r.choice(["public_key", "publicKey", "key", "PUBLIC_KEY_STRING", "rsa_public_key", "verificationKey", "authorized_key"]), public(r)
    elif kind == 5: key, v = k, masked(r)
    elif kind == 6: key, v = r.choice(["key", "KEY", "cacheKey", "i18n_key", "tokenName", "key_prefix", "secretName", "secret_ref", "passwordField", "existingSecret", "secretKeyRef"]), r.choice(["-", "_", ".", ":", "/"]).join(r.choice(WORDS) for _ in range(r.randint(2, 4)))
    else: return r.choice([("md", f"[![codecov](https://codecov.io/gh/a/b/graph/badge.svg?token={secret(r)[:10]})](https://codecov.io/gh/a/b)\n"), ("sql", f"  KEY `FK{''.join(r.choice(string.ascii_lowercase + string.digits) for _ in range(25))}` (`{r.choice(WORDS)}_id`),\n"),
                           ("py", f"    password = {r.choice(['passphrase', 'typed', 'value', 'user_password', 'new_pw'])}\n"), ("js", f"const [user, password] = {r.choice(WORDS)}\n"), ("py", '    password = password.encode("latin1")\n'),
                           ("js", f"exports.E{r.choice(['OAUTH2', 'TOKEN1', 'AUTH2'])} = 'E{r.choice(['OAUTH2', 'TOKEN1', 'AUTH2'])}';\n"), ("md", f"### Password {r.choice(WORDS).title()}\n"), ("go", f"\tkeys := [][]byte{{[]byte(\"{r.choice(WORDS)}\")}}\n"),
                           ("http", f'WWW-Authenticate: Digest realm="x", nonce="{secret(r)}", opaque="{secret(r)}"\n')])
    ext, t = r.choice(SEALED_FORMS)
    if "<{k}>" in t and not key.replace("_", "").isalnum(): key = "publicKey"
    return ext, t.format(i=" " * r.choice([0, 2, 4, 8]), k=key, v=v)


def line(r, template, v, key=None):
    k = key or "x"
    return template.format(i=" " * r.choice([0, 2, 4, 8]), k=k, K=k.upper().replace(".", "_").replace("-", "_"), v=v, u=r.choice(USERS), h=r.choice(HOSTS),
                           s=r.choice(["postgres", "mysql", "redis", "amqp", "mongodb", "https", "ftp"]), w="password", W="Password", w2=r.choice(WORDS), w3=r.choice(WORDS),
                           hash="".join(r.choice("0123456789abcdef") for _ in range(64)), uuid="-".join("".join(r.choice("0123456789abcdef") for _ in range(n)) for n in (8, 4, 4, 4, 12)))


def fits(ext, template, v):
    bare = '"' not in template and "'" not in template and "`" not in template and "<" not in template
    if "{s}://" in template or "@tcp" in template or "https://{u}" in template: return not set(v) & set(" @/:#?%'\"")
    if ext == "sh" or bare and ext in ("env", "conf", "md", "Dockerfile"): return not set(v) & set(" #&;'\"!*?()`") or ("'{v}'" in template and " " not in v)
    if bare: return not set(v) & set("#'\"") and v[0] not in "!@&*%|>-?"
    return not set(v) & set("'\"<>&\\") and not v.startswith("#")


def emit(out, kind, n, ext, text, r, wrap):
    if wrap:
        fill = lambda: "".join(line(r, r.choice(FILL), "") for _ in range(r.randint(0, 4)))
        text = fill() + text + fill()
    folder = os.path.join(out, "made", kind, r.choice(["src", "config", "deploy", "test", "app", "docs"]))
    os.makedirs(folder, exist_ok=True)
    name = f"m{n}" + ("" if ext == "Dockerfile" else "." + ext)
    with open(os.path.join(folder, name), "w") as f: f.write(text)
    return os.path.relpath(os.path.join(folder, name), out)


def main():
    ap = argparse.ArgumentParser(); ap.add_argument("out"); ap.add_argument("--seed", type=int, default=7); ap.add_argument("--count", type=int, default=2500)
    a = ap.parse_args(); r = random.Random(a.seed)
    os.makedirs(a.out, exist_ok=True)
    index = open(os.path.join(a.out, "made.tsv"), "w")
    n = 0
    while n < a.count:
        pool = r.choice(["pw-code", "pw-conf", "sec-code", "sec-conf", "url", "command", "header", "more"])
        ptype, v = password(r)
        if pool.startswith("sec") or pool == "header" or pool == "more" and r.random() < .5: ptype, v = "secret", secret(r)
        ext, t = r.choice({"pw-code": CODE, "pw-conf": CONF, "sec-code": CODE, "sec-conf": CONF, "url": URLS, "command": COMMANDS, "header": HEADERS, "more": MORE}[pool])
        if not fits(ext, t, v): continue
        key = r.choice(SEC_KEYS if ptype == "secret" else PW_KEYS)
        if ("." in key or "-" in key) and ((pool.endswith("code") or pool == "more") and "'{k}'" not in t and '"{k}"' not in t or ext in ("sh", "Dockerfile", "env") or "<{k}>" in t): key = "db_password" if "pass" in key else "api_key"
        path = emit(a.out, "true", n, ext, line(r, t, v, key), r, r.random() < .7)
        index.write(f"{path}\t{pool}\t{ptype}\t{v}\n"); n += 1
    for m in range(a.count, 2 * a.count):
        ext, text = lesson(r)
        emit(a.out, "false", m, ext, text, r, r.random() < .7)
    for m in range(a.count):
        ext, t = r.choice(NOT)
        emit(a.out, "false", m, ext, line(r, t, "", r.choice(["password", "secret", "token", "api_key", "passwd", "client_secret", "access_token"])), r, r.random() < .7)


main()
