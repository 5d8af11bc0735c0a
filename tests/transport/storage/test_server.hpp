#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "transport/storage/open.hpp"

namespace locum::tests {

enum class ServerKind : std::uint8_t { redis, valkey, memcached };

/// A real server, which listens on a socket in a folder of its own under the system's temporary one, and
/// keeps nothing on the disk. It ends with this, and with the thread that started it, however that ends. One
/// thread at a time.
class TestServer {
 public:
  /// Where the program is; none: it is not installed, and whoever needs it is skipped. Where there is no
  /// valkey-server, Valkey is played by redis-server.
  [[nodiscard]] static std::optional<std::string> program(ServerKind kind);

  /// Starts it, and waits until it answers. `on_tcp`: on a port of the loopback device, too. REQUIRES: its
  /// program is there. Throws if it does not start within 30 s.
  explicit TestServer(ServerKind kind, bool on_tcp = false, std::vector<std::string> arguments = {});
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// `redis:/path`; of Memcached, if it is not on TCP
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::string tcp_url() const;
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  void stop() noexcept;
  void start();
  /// Removes all that it keeps. REQUIRES: it is at url().
  void clear();
  /// Opens its backend.
  [[nodiscard]] std::shared_ptr<Backend> backend(const std::string& options = {}) const;

 private:
  const ServerKind kind_;
  const std::vector<std::string> arguments_;
  std::string folder_;
  std::string path_;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
  const pid_t starter_;  ///< the process that made this
};

/// A port of the loopback device that nobody has. Another process may take it before a server does: then that
/// does not start.
[[nodiscard]] std::uint16_t free_port();
/// Starts a server on such a port, five times if it has to: until it does not throw.
void again_with_another_port(const std::function<void()>& start);
/// One for the whole program, which is empty for each test that clears it; but for Memcached, on TCP, too.
/// REQUIRES: its program is there.
[[nodiscard]] TestServer& shared_server(ServerKind kind);
/// Asks a server for something by one request line, and returns the first line of its reply. \param at path
/// of its socket, or its URL
std::string ask_server(const std::string& at, const std::string& request);
/// Removes all that the server of that URL keeps.
void clear_server(const std::string& url);

}  // namespace locum::tests
