"""Counts made-up words, sorts them, and sends them through JSON and back."""
import json
import sys

state = 15


def below(bound):
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 33) % bound


total = 0
for _ in range(max(1, 3 * int(sys.argv[1]) // 100)):
    words = ["w%d" % below(20000) for _ in range(40000)]
    places = {}
    for place, word in enumerate(words):
        places.setdefault(word, []).append((place, word.upper()))
    copy = json.loads(json.dumps(places))
    total += sum(len(key) * len(copy[key]) for key in sorted(copy))
print(total)
