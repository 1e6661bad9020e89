#!/usr/bin/env python3
"""wrap.py FILE…: wraps Rust comment lines beyond 100 columns (rustfmt does not), paragraph by paragraph."""
import re, sys, textwrap
LINE = re.compile(r'^(\s*)(//!|///|//)( +)(\S.*)$')
ITEM = re.compile(r'^(?:[-*+] |\d+\. )')
def wrap(text):
    lines, out, i, fence = text.split('\n'), [], 0, False
    while i < len(lines):
        m = LINE.match(lines[i])
        if m and m.group(4).startswith('```'): fence = not fence
        if not m or fence or m.group(4)[0] in '|`#<[':
            out.append(lines[i]); i += 1; continue
        head = (m.group(1), m.group(2)); pad = m.group(3); block = [m.group(4)]; i += 1
        item = ITEM.match(block[0])
        hang = pad + ' ' * len(item.group(0)) if item else pad
        while i < len(lines):
            n = LINE.match(lines[i])
            if not n or (n.group(1), n.group(2)) != head or n.group(3) != hang: break
            if ITEM.match(n.group(4)) or n.group(4)[0] in '|#<[' or n.group(4).startswith('```'): break
            block.append(n.group(4)); i += 1
        lead, rest = head[0] + head[1] + pad, head[0] + head[1] + hang
        raw = [lead + block[0]] + [rest + b for b in block[1:]]
        if all(len(r) <= 100 for r in raw): out += raw; continue
        out += textwrap.wrap(' '.join(block), width=100, initial_indent=lead, subsequent_indent=rest,
                             break_long_words=False, break_on_hyphens=False)
    return '\n'.join(out)
for path in sys.argv[1:]:
    old = open(path).read(); new = wrap(old)
    if new != old: open(path, 'w').write(new); print('wrapped', path)
