# SPDX-License-Identifier: BSD-2-Clause
"""The daemon's metrics file, parsed."""

import math
import re

NAME = r'[a-zA-Z_:][a-zA-Z0-9_:]*'
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(r'(%s)\{((?:%s)(?:,%s)*)\} (\S+)' % (NAME, LABEL, LABEL))
SUFFIXES = {'counter': ('',), 'gauge': ('',), 'summary': ('_sum', '_count'),
            'histogram': ('_bucket', '_sum', '_count')}


def unescape(text):
    return re.sub(r'\\(.)', lambda m: '\n' if m[1] == 'n' else m[1], text)


class Page:
    """A parsed metrics-file; whatever is odd about it raises an error."""

    def __init__(self, text):
        assert text.endswith('\n'), 'cut: %r' % text[-80:]
        self.types, self.samples, self.family = {}, {}, None
        helped = None
        for line in text[:-1].split('\n'):
            head = re.fullmatch(r'# (HELP|TYPE) (%s) (.+)' % NAME, line)
            if head and head[1] == 'HELP':
                helped = head[2]
            elif head:
                assert head[2] == helped and helped not in self.types, line
                assert head[3] in SUFFIXES, line
                self.types[helped] = head[3]
                self.family = helped
            else:
                self.take(line)
        for family, kind in self.types.items():
            assert kind != 'counter' or family.endswith('_total'), family
            assert any(s[0].startswith(family) for s in self.samples), family
            if kind == 'histogram':
                self.check_histogram(family)

    def take(self, line):
        match = SAMPLE.fullmatch(line)
        assert match, 'no sample: %r' % line
        suffix = match[1][len(self.family):]
        assert match[1].startswith(self.family), line
        assert suffix in SUFFIXES[self.types[self.family]], line
        pairs = re.findall(LABEL, match[2])
        labels = {name: unescape(text) for name, text in pairs}
        assert len(labels) == len(pairs), line
        key = match[1], frozenset(labels.items())
        assert key not in self.samples, 'twice: %s' % line
        self.samples[key] = float(match[match.lastindex])

    def check_histogram(self, family):
        found = {s: [(dict(labels), value) for (name, labels), value
                     in self.samples.items() if name == family + s]
                 for s in SUFFIXES['histogram']}
        buckets = [(float(labels['le']), value)
                   for labels, value in found['_bucket']]
        assert buckets == sorted(buckets), buckets
        assert [v for _, v in buckets] == sorted(v for _, v in buckets)
        assert buckets[-1] == (math.inf, found['_count'][0][1]), buckets
        assert len(found['_sum']) == len(found['_count']) == 1

    def labels(self, name):
        """The values of a label in all series."""
        return {dict(labels).get(name) for _, labels in self.samples}

    def get(self, name, **labels):
        """The value of the one series of that name with these labels."""
        found = [value for (series, have), value in self.samples.items()
                 if series == 'smtpauth_' + name
                 and labels.items() <= dict(have).items()]
        assert len(found) == 1, '%d of %s %r' % (len(found), name, labels)
        return found[0]

    def has(self, name):
        return any(s[0] == 'smtpauth_' + name for s in self.samples)

    def decided(self, verdict, reason):
        return self.get('decisions_total', verdict=verdict, reason=reason)
