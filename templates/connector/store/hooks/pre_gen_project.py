"""Names that would make a package that cannot be imported are refused, in one sentence."""

import keyword
import re
import sys

SYSTEM = {{ cookiecutter.system | tojson }}
AUTHOR = {{ cookiecutter.author | tojson }}
NAMES = {"name": {{ cookiecutter.name | tojson }}, "package": {{ cookiecutter.package | tojson }}}

for field, text in (("system", SYSTEM), ("author", AUTHOR)):
    if not re.fullmatch(r"[^\"\\\r\n{}]{1,40}", text):
        sys.exit(f"{field}: {text!r} cannot be used: write up to 40 characters without quotes, braces and backslashes.")
for field, text in NAMES.items():
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", text) or keyword.iskeyword(text):
        sys.exit(f"{field}: {text!r} cannot be used: write up to 40 small letters, digits and _, a letter first.")
