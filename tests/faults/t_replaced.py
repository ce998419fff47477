#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The database's file is replaced under the daemon by cp and by rename, by
other states of it and by nothing, while it is asked: each denies the same."""

import os
import shutil

import fault
from fault import Mta

ROUNDS = fault.size(8, 100)     # of each way


class Replaced(fault.Case):

    def setUp(self):
        super().setUp()
        self.copies = [self.copy('older')]
        for n in range(3):
            self.ctl('mailbox set later%d@open.test --smtp-auth disabled' % n)
            self.copies.append(self.copy('later%d' % n))
        # as many commits as the first, other pages
        self.dir = os.path.join(self.tmp, 'other')
        self.ctl('init')
        lines = list(fault.policy())
        self.ctl('import', '-', stdin=''.join(
            lines[:2] + lines[-2:1:-1] + lines[-1:]))
        self.ctl('mailbox lock held@open.test')
        self.copies.append(self.copy('other'))

    def copy(self, name):
        path = os.path.join(self.tmp, name + '.mdb')
        shutil.copy(os.path.join(self.dir, 'policy.mdb'), path)
        return path

    def run_rounds(self, name, replace):
        figures, site = self.figures('replaced by ' + name), fault.Site(self)
        site.daemon.start()
        with Mta(site.daemon) as mta:
            site.wait_good(mta)
            with fault.Asker(site, figures):
                for _ in range(ROUNDS):
                    replace(self.random.choice(self.copies), site.database)
                    figures.add('rounds')
                    site.wait_good(mta)
                    site.verify(figures)
            site.wait_good(mta)
        site.stop(figures)

    def test_cp(self):
        """In place: for a moment it is empty, then half there."""
        self.run_rounds('cp', shutil.copyfile)

    def rename(self, source, target):
        shutil.copyfile(source, target + '.new')
        os.rename(target + '.new', target)

    def test_rename(self):
        self.run_rounds('rename', self.rename)

    def remove(self, source, target):
        os.remove(target)
        shutil.copyfile(source, target)

    def test_removed(self):
        self.run_rounds('a new file', self.remove)


if __name__ == '__main__':
    fault.main()
