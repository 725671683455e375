"""The whole pocket cluster: names, certificates, database, nodes, and what a caller must know."""
import asyncio
import pathlib
import shutil
import tempfile
import urllib.parse

from .certificates import Certificates
from .control import ControlServer
from .database import Database
from .deployment import SET_NAME, Deployment
from .dns import NameServer, Zone
from .node import Node

USER, PASSWORD, OLD_USER = "app", "p@ss:word/1", "old"
NAME = "cluster0.pocket.test"
HOSTS = {"replica": [f"cluster0-shard-00-0{i}.pocket.test" for i in range(3)],
         "mongos": [f"cluster0-mongos-0{i}.pocket.test" for i in range(2)],
         "balanced": ["cluster0-lb.pocket.test"],
         "standalone": ["cluster0-alone.pocket.test"]}


class Pocket:
    def __init__(self, kind="replica"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pocket-atlas-"))
        self.database = Database(self.folder, USER, PASSWORD)
        self.deployment = Deployment(kind, self.database)
        hosts = HOSTS[kind]
        names = [*hosts, *[f"127.0.0.{2 + i}" for i in range(len(hosts))]]
        self.certificates = Certificates(self.folder, names)
        self.nodes = [Node(i, host, self.deployment, self.certificates.contexts)
                      for i, host in enumerate(hosts)]
        self.deployment.nodes = self.nodes
        self.zone = Zone(NAME, self.txt(), self.nodes)
        self.names = NameServer(self.zone)
        self.control = ControlServer(self)

    def txt(self):
        chosen = {"replica": f"&replicaSet={SET_NAME}", "balanced": "&loadBalanced=true"}
        return "authSource=admin" + chosen.get(self.deployment.kind, "")

    async def start(self):
        await self.database.start()
        await self.deployment.start()
        await self.names.start("127.0.0.1")
        for node in self.nodes:
            node.start()
        await self.control.start()
        self.watching = asyncio.create_task(self.database.watch())

    async def stop(self):
        self.watching.cancel()
        self.control.stop()
        self.names.stop()
        for node in self.nodes:
            await node.stop()
        await self.database.stop()

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def describe(self):
        """What the program prints: everything a caller needs."""
        certificates = self.certificates
        return {
            "dns": f"127.0.0.1:{self.names.port}", "name": NAME, "control": self.control.port,
            "nodes": [{"host": n.host, "address": n.address, "port": n.port} for n in self.nodes],
            "user": USER, "password": PASSWORD, "old_user": OLD_USER,
            "ca": str(certificates.ca_file), "other_ca": str(certificates.other_ca_file),
            "client_certificate": str(certificates.client_file), "folder": str(self.folder),
            "srv_uri": f"mongodb+srv://{self._login(USER)}@{NAME}/",
            "old_user_srv_uri":
                f"mongodb+srv://{self._login(OLD_USER)}@{NAME}/?authMechanism=SCRAM-SHA-1",
            "x509_srv_uri": f"mongodb+srv://{NAME}/?authMechanism=MONGODB-X509"
                            "&authSource=$external",
            "direct_uri": self._direct_uri(),
        }

    @staticmethod
    def _login(user):
        return f"{user}:{urllib.parse.quote(PASSWORD, safe='')}"

    def _direct_uri(self):
        hosts = ",".join(n.name(by_name=False) for n in self.nodes)
        ca = urllib.parse.quote(str(self.certificates.ca_file), safe="/")
        return (f"mongodb://{self._login(USER)}@{hosts}/?{self.txt()}&tls=true&tlsCAFile={ca}")
