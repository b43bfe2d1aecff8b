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
    kind = r.randrange(9)
    if kind <= 1:
        n = r.randint(10, 16)
        alphabet = string.ascii_letters + string.digits + "!@#$%^&*-_+=?"
        s = [r.choice(string.ascii_lowercase), r.choice(string.ascii_uppercase), r.choice(string.digits), r.choice("!@#%^*-_+?")]
        s += [r.choice(alphabet) for _ in range(n - 4)]; r.shuffle(s); return "symbols", "".join(s).replace("$", "S")
    if kind == 2: return "phrase", r.choice("- _.").join(r.choice(WORDS) for _ in range(r.randint(3, 5)))
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
        pool = r.choice(["pw-code", "pw-conf", "sec-code", "sec-conf", "url", "command", "header"])
        ptype, v = password(r)
        if pool.startswith("sec") or pool == "header": ptype, v = "secret", secret(r)
        ext, t = r.choice({"pw-code": CODE, "pw-conf": CONF, "sec-code": CODE, "sec-conf": CONF, "url": URLS, "command": COMMANDS, "header": HEADERS}[pool])
        if not fits(ext, t, v): continue
        key = r.choice(SEC_KEYS if pool.startswith("sec") else PW_KEYS)
        if ("." in key or "-" in key) and (pool.endswith("code") and "'{k}'" not in t and '"{k}"' not in t or ext in ("sh", "Dockerfile", "env") or "<{k}>" in t): key = "db_password" if "pass" in key else "api_key"
        path = emit(a.out, "true", n, ext, line(r, t, v, key), r, r.random() < .7)
        index.write(f"{path}\t{pool}\t{ptype}\t{v}\n"); n += 1
    for m in range(a.count):
        ext, t = r.choice(NOT)
        emit(a.out, "false", m, ext, line(r, t, "", r.choice(["password", "secret", "token", "api_key", "passwd", "client_secret", "access_token"])), r, r.random() < .7)


main()
