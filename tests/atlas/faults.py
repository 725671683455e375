"""What a node does wrong on request, and what it has counted."""
import asyncio
import collections


class Trip:
    """One scripted mishap at a command.

    how: "error" answers `error` instead of forwarding; "error_after" forwards, and then answers
    `error`; "reset" resets the connection instead of forwarding; "lose" forwards, and resets
    instead of replying; "cut" resets in mid-reply, "stop" says no more there (in a reply of `size`
    bytes, if that is given).
    """

    WAYS = ("error", "error_after", "reset", "lose", "cut", "stop")

    def __init__(self, command, how, times=1, error=None, size=0):
        if how not in self.WAYS:
            raise ValueError(f"how is one of {self.WAYS}")
        self.command, self.how, self.times = command, how, times
        self.error, self.size = error, size


class Faults:
    def __init__(self):
        self.running = asyncio.Event()
        self.running.set()
        self.delay = 0.0  # seconds before each reply
        self.lag = 0.0  # seconds that a secondary is behind
        self.is_rejecting = False
        self.has_left = False  # the replica set; the others name it no more
        self.certificate = "good"
        self.trips = []

    def take(self, command):
        """The mishap that is due at this command, or None."""
        for trip in self.trips:
            if trip.command == command:
                trip.times -= 1
                if trip.times == 0:
                    self.trips.remove(trip)
                return trip
        return None


class Counters:
    """authenticated: sockets that have logged in and are open; monitors never log in."""

    def __init__(self):
        self.accepted = self.handshakes = self.failed_handshakes = 0
        self.open = self.most_open = 0
        self.authenticated = self.most_authenticated = 0
        self.logins = self.refused_logins = 0
        self.commands = collections.Counter()
        self.preferences = collections.Counter()  # modes of $readPreference, as they came

    def on_open(self):
        self.open += 1
        self.most_open = max(self.most_open, self.open)

    def on_login(self):
        self.logins += 1
        self.authenticated += 1
        self.most_authenticated = max(self.most_authenticated, self.authenticated)

    def on_lost(self, was_authenticated):
        self.open -= 1
        self.authenticated -= was_authenticated

    def reset(self):
        """Begins anew, but what is open stays open."""
        opened, authenticated = self.open, self.authenticated
        self.__init__()
        self.open = self.most_open = opened
        self.authenticated = self.most_authenticated = authenticated

    def snapshot(self):
        return {**vars(self), "commands": dict(self.commands), "preferences": dict(self.preferences)}
