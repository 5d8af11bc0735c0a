#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"

namespace locum::tests {

/// A server that speaks Redis' protocol and has no data: a test's script answers each request, with errors, a
/// part of a reply, or not at all. Its thread lives as long as this.
class ScriptedServer {
 public:
  struct Request {
    std::vector<std::string> words;
    int number = 0;      ///< of the requests since the script was set
    int connection = 0;  ///< of all connections
  };
  struct Answer {
    enum class Then : std::uint8_t {
      waits,    ///< for the next request
      closes,   ///< the connection
      repeats,  ///< the same bytes, until the client goes
    };
    std::string bytes{};
    Then then = Then::waits;
  };
  using Script = std::function<Answer(const Request&)>;

  /// Listens on a socket at `path`, which it removes in the end.
  explicit ScriptedServer(std::string path) : path_(std::move(path)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path_, std::begin(address.sun_path));
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 8) != 0) {
      throw std::runtime_error("cannot listen at " + path_);
    }
    thread_ = std::thread([this] { serve(); });
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() {
    EXPECT_EQ(::eventfd_write(end_, 1), 0);
    thread_.join();
    ::close(end_);
    ::close(listener_);
    ::unlink(path_.c_str());
  }

  /// The script from now on. It is called by the server's thread.
  void set(Script script) {
    const MutexLock lock(mutex_);
    script_ = std::move(script);
    requests_.clear();
  }
  /// The first words of the requests since the script was set.
  [[nodiscard]] std::vector<std::string> requests() {
    const MutexLock lock(mutex_);
    return requests_;
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  static std::string text(const std::string& bytes) {
    return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n";
  }

 private:
  struct Client {
    int number = 0;
    std::string received{};
  };

  void serve() {
    std::map<int, Client> clients;
    for (int connections = 0;;) {
      std::vector<pollfd> polled{{end_, POLLIN, 0}, {listener_, POLLIN, 0}};
      for (const auto& [descriptor, client] : clients) {
        polled.push_back({descriptor, POLLIN, 0});
      }
      ::poll(polled.data(), polled.size(), -1);
      for (std::size_t at = 2; at < polled.size(); ++at) {
        const int descriptor = polled[at].fd;
        if (polled[at].revents != 0 && !goes_on(descriptor, clients.at(descriptor))) {
          ::close(descriptor);
          clients.erase(descriptor);
        }
      }
      if (polled[1].revents != 0) {
        const int accepted = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const timeval longest{.tv_sec = 1, .tv_usec = 0};
        ::setsockopt(accepted, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest);
        clients[accepted] = {.number = connections++};
      }
      if (polled[0].revents != 0) {
        break;
      }
    }
    for (const auto& [descriptor, client] : clients) {
      ::close(descriptor);
    }
  }

  // Reads what has come, and answers whole requests of it.
  bool goes_on(int descriptor, Client& client) {
    std::string room(1 << 16U, '\0');
    const ssize_t count = ::recv(descriptor, room.data(), room.size(), 0);
    if (count <= 0) {
      return false;
    }
    client.received.append(room, 0, static_cast<std::size_t>(count));
    for (std::vector<std::string> words = taken(client.received); !words.empty();
         words = taken(client.received)) {
      const Answer answer = answered(std::move(words), client.number);
      bool is_sent = sends(descriptor, answer.bytes);
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
      while (answer.then == Answer::Then::repeats && is_sent && std::chrono::steady_clock::now() < end) {
        is_sent = sends(descriptor, answer.bytes);
      }
      if (!is_sent || answer.then != Answer::Then::waits) {
        return false;
      }
    }
    return true;
  }
  static bool sends(int descriptor, const std::string& bytes) {
    const auto size = static_cast<ssize_t>(bytes.size());
    return ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL) == size;
  }
  Answer answered(std::vector<std::string> words, int connection) {
    const MutexLock lock(mutex_);
    const Request request{std::move(words), static_cast<int>(requests_.size()), connection};
    requests_.push_back(request.words.front());
    return script_ ? script_(request) : Answer();
  }
  // Takes the words of the first request, an array of texts, off what was received; none: it is not whole.
  static std::vector<std::string> taken(std::string& received) {
    std::size_t at = 0;
    const auto number = [&](char kind) {
      const std::size_t end = received.find("\r\n", at);
      if (end == std::string::npos || received[at] != kind) {
        return -1L;
      }
      const long value = std::strtol(received.c_str() + at + 1, nullptr, 10);
      at = end + 2;
      return value;
    };
    std::vector<std::string> words;
    const long count = number('*');
    for (long word = 0; word < count; ++word) {
      const long size = number('$');
      if (size < 0 || received.size() < at + static_cast<std::size_t>(size) + 2) {
        return {};
      }
      words.push_back(received.substr(at, static_cast<std::size_t>(size)));
      at += static_cast<std::size_t>(size) + 2;
    }
    received.erase(0, words.empty() ? 0 : at);
    return words;
  }

  const std::string path_;
  const int listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int end_ = ::eventfd(0, EFD_CLOEXEC);
  Mutex mutex_;
  Script script_ LOCUM_GUARDED_BY(mutex_);
  std::vector<std::string> requests_ LOCUM_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace locum::tests
