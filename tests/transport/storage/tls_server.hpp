#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/test_server.hpp"

namespace locum::tests {

/// An authority ("ca"), who signed the certificates "server" (for redis.test and 127.0.0.1) and "client", and
/// another one ("other"): NAME.pem and NAME.key.
class Certificates {
 public:
  Certificates() {
    const std::string make =
        "cd " + folder_.path() +
        " && exec >/dev/null 2>&1"
        " && new='openssl req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:P-256'"
        " && $new -subj /CN=ca -keyout ca.key -out ca.pem"
        " && $new -subj /CN=other -keyout other.key -out other.pem"
        " && $new -subj /CN=server -addext basicConstraints=critical,CA:FALSE"
        " -addext subjectAltName=DNS:redis.test,IP:127.0.0.1 -CA ca.pem -CAkey ca.key"
        " -keyout server.key -out server.pem"
        " && $new -subj /CN=client -addext basicConstraints=critical,CA:FALSE -CA ca.pem -CAkey ca.key"
        " -keyout client.key -out client.pem";
    are_made_ = std::system(make.c_str()) == 0;
  }

  [[nodiscard]] bool are_made() const noexcept { return are_made_; }
  [[nodiscard]] std::string path(const std::string& file) const { return folder_.path() + '/' + file; }

 private:
  TemporaryFolder folder_;
  bool are_made_ = false;
};

/// Those of the whole program.
inline const Certificates& certificates() {
  static const Certificates made;
  return made;
}

/// A server that speaks TLS on a port of the loopback device; one of Redis or Valkey does not at
/// TestServer::url() and TestServer::tcp_url().
class TlsServer {
 public:
  /// REQUIRES: its program is there. Throws if it does not start.
  explicit TlsServer(ServerKind kind)
      : scheme_(kind == ServerKind::memcached ? "memcacheds"
                : kind == ServerKind::valkey  ? "valkeys"
                                              : "rediss") {
    if (!certificates().are_made()) {
      throw std::runtime_error("openssl (package openssl) makes no certificates");
    }
    const std::string certificate = certificates().path("server.pem");
    const std::string key = certificates().path("server.key");
    again_with_another_port([&] {
      std::vector<std::string> arguments;
      if (kind == ServerKind::memcached) {
        arguments = {"-Z", "-o", "ssl_chain_cert=" + certificate + ",ssl_key=" + key};
      } else {
        port_ = free_port();
        arguments = {"--tls-port",         std::to_string(port_),
                     "--tls-cert-file",    certificate,
                     "--tls-key-file",     key,
                     "--tls-ca-cert-file", certificates().path("ca.pem"),
                     "--tls-auth-clients", "no"};
      }
      server_ = std::make_unique<TestServer>(kind, true, std::move(arguments));
      port_ = kind == ServerKind::memcached ? server_->port() : port_;
    });
  }

  [[nodiscard]] TestServer& server() const noexcept { return *server_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// `rediss://127.0.0.1:PORT?ca=PATH`
  [[nodiscard]] std::string url() const {
    return scheme_ + "://127.0.0.1:" + std::to_string(port_) + "?ca=" + certificates().path("ca.pem");
  }

 private:
  const std::string scheme_;
  std::uint16_t port_ = 0;
  std::unique_ptr<TestServer> server_;
};

/// One for the whole program, which is empty for each test that clears it. REQUIRES: its program is there.
inline TlsServer& shared_tls_server(ServerKind kind) {
  static std::map<ServerKind, std::unique_ptr<TlsServer>> servers;
  auto& server = servers[kind];
  if (!server) {
    server = std::make_unique<TlsServer>(kind);
  }
  return *server;
}

}  // namespace locum::tests
