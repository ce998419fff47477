# SPDX-License-Identifier: BSD-2-Clause
"""Words that a command line must not hold."""

# The status for a word that is unknown or malformed.
WORD = (64, 65)

BAD_TIMES = ['morgen', '2099-13-01', '2099-02-30', '2099-12-01T25:00:00Z',
             '2099-12-01T09:00:00', '2099-12-01T09:00:00+25:00',
             '2099-12-01T09:00Z', '2099-12-01 x', '2099-12', '99999999-01-01',
             '+5', '+d', '+5x', '5d', '+-5d', '+5.5d',
             '+99999999999999999999d']
