"""The sockets of a scripted name server: datagrams and streams (over TLS with `tls`) on one port; what is
said is for those who derive from it."""
import contextlib
import socket
import struct
import threading


def read_exactly(conn, size):
    """So many bytes; ConnectionError when it ends before."""
    data = b""
    while len(data) < size:
        more = conn.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


class NameServer:
    def __init__(self, address="127.0.0.1", port=0, has_tcp=True, tls=None):
        self.tls = tls
        for _ in range(50):
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self.udp.bind((address, port))
                self.tcp = socket.create_server(self.udp.getsockname()) if has_tcp else None
                break
            except OSError:
                self.udp.close()
        self.port = self.udp.getsockname()[1]
        self.at = f"{address}:{self.port}"
        threading.Thread(target=self._serve_udp, daemon=True).start()
        if has_tcp:
            threading.Thread(target=self._serve_tcp, daemon=True).start()

    def answer(self, packet, is_tcp):
        """The reply's bytes, or None for silence."""
        raise NotImplementedError

    def close(self):
        for each in (self.udp, self.tcp):
            if each is not None:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)  # wakes the thread
                each.close()

    def _serve_udp(self):
        with contextlib.suppress(OSError):
            while True:
                packet, sender = self.udp.recvfrom(4096)
                if not packet:  # closed
                    return
                reply = self.answer(packet, False)
                if reply is not None:
                    self.udp.sendto(reply, sender)

    def _serve_tcp(self):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self.tcp.accept()
                threading.Thread(target=self._serve_stream, args=(conn,), daemon=True).start()

    def _serve_stream(self, conn):
        with contextlib.suppress(OSError), conn if self.tls is None else self.tls.wrap_socket(
                conn, server_side=True) as stream:
            while True:
                reply = self.answer(read_exactly(stream, *struct.unpack("!H", read_exactly(stream, 2))),
                                    True)
                if reply is not None:
                    stream.sendall(struct.pack("!H", len(reply)) + reply)
