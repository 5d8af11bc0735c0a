#include "tests/transport/storage/test_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <thread>
#include <utility>

#include "transport/storage/servers/security.hpp"
#include "transport/storage/servers/server_place.hpp"
#include "transport/storage/servers/stream.hpp"

namespace locum::tests {

namespace {

constexpr std::chrono::seconds start_limit{30};

const char* name_of(ServerKind kind) {
  switch (kind) {
    case ServerKind::redis:
      return "redis-server";
    case ServerKind::valkey:
      return "valkey-server";
    case ServerKind::memcached:
      break;
  }
  return "memcached";
}

std::string scheme_of(ServerKind kind) {
  switch (kind) {
    case ServerKind::redis:
      return "redis";
    case ServerKind::valkey:
      return "valkey";
    case ServerKind::memcached:
      break;
  }
  return "memcached";
}

}  // namespace

void again_with_another_port(const std::function<void()>& start) {
  for (int left = 4; left > 0; --left) {
    try {
      return start();
    } catch (const std::runtime_error&) {
    }
  }
  start();
}

std::uint16_t free_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  (void)::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size);
  (void)::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(descriptor);
  return ntohs(address.sin_port);
}

std::optional<std::string> TestServer::program(ServerKind kind) {
  const char* const variable = std::getenv("PATH");
  std::string folders =
      (variable == nullptr ? "" : variable) + std::string(":/usr/bin:/usr/sbin:/usr/local/bin");
  for (std::size_t begin = 0; begin < folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::string found = folders.substr(begin, end - begin) + '/' + name_of(kind);
    if (::access(found.c_str(), X_OK) == 0) {
      return found;
    }
    begin = end + 1;
  }
  return kind == ServerKind::valkey ? program(ServerKind::redis) : std::nullopt;
}

TestServer::TestServer(ServerKind kind, bool on_tcp, std::vector<std::string> arguments)
    : kind_(kind), arguments_(std::move(arguments)), starter_(::getpid()) {
  std::string folder = (std::filesystem::temp_directory_path() / "locum_server_XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    throw std::runtime_error("no folder for a server can be made at " + folder);
  }
  folder_ = folder;
  path_ = folder_ + "/socket";
  again_with_another_port([&] {
    port_ = on_tcp ? free_port() : 0;
    start();
  });
}

// A forked process that ends by exit() destroys the shared one, too.
TestServer::~TestServer() {
  if (::getpid() != starter_) {
    return;
  }
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string TestServer::url() const {
  return scheme_of(kind_) + ':' + path_;
}

std::string TestServer::tcp_url() const {
  return scheme_of(kind_) + "://127.0.0.1:" + std::to_string(port_);
}

void TestServer::stop() noexcept {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
  }
}

void TestServer::start() {
  std::vector<std::string> words{*program(kind_)};
  const auto options = std::ranges::find_if(arguments_, [](const auto& one) { return one.starts_with("-"); });
  words.insert(words.end(), arguments_.begin(), options);  // a file of settings has to come first
  if (kind_ != ServerKind::memcached) {
    words.insert(words.end(), {"--port", std::to_string(port_), "--bind", "127.0.0.1", "--unixsocket", path_,
                               "--save", "", "--appendonly", "no", "--dir", folder_});
  } else if (port_ != 0) {
    words.insert(words.end(), {"-l", "127.0.0.1", "-p", std::to_string(port_), "-U", "0"});
  } else {
    words.insert(words.end(), {"-s", path_, "-U", "0"});
  }
  if (kind_ == ServerKind::memcached && ::geteuid() == 0) {
    words.insert(words.end(), {"-u", "root"});
  }
  words.insert(words.end(), options, arguments_.end());
  std::vector<char*> arguments;
  for (std::string& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  ::unlink(path_.c_str());
  const std::string log = folder_ + "/log";
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int to = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(to, STDOUT_FILENO);
    ::dup2(to, STDERR_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  const auto place = storage::find_server(
      parse_url(port_ != 0 && kind_ == ServerKind::memcached ? tcp_url() : url()).value(), port_);
  for (const auto end = Deadline::Clock::now() + start_limit; Deadline::Clock::now() < end;) {
    if (storage::ServerStream::connect(*place, end)) {
      return;
    }
    if (::waitpid(process_, nullptr, WNOHANG) == process_) {
      process_ = -1;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  stop();
  throw std::runtime_error(std::string(name_of(kind_)) + " does not start; look at " + log);
}

void TestServer::clear() {
  clear_server(url());
}

std::shared_ptr<Backend> TestServer::backend(const std::string& options) const {
  return open_backend(url() + options).value();
}

TestServer& shared_server(ServerKind kind) {
  static std::map<ServerKind, std::unique_ptr<TestServer>> servers;
  auto& server = servers[kind];
  if (!server) {
    server = std::make_unique<TestServer>(kind, kind != ServerKind::memcached);
  }
  return *server;
}

std::string ask_server(const std::string& at, const std::string& request) {
  const Deadline deadline = std::chrono::seconds(30);
  const Url url = parse_url(at.starts_with('/') ? "redis:" + at : at).value();
  auto place = storage::find_server(url, 1).value();
  place.security = storage::security_of(url).value();
  auto stream = storage::ServerStream::connect(place, deadline).value();
  const std::string line = request + "\r\n";
  const std::string_view text = line;
  stream.send({&text, 1}, deadline).value();
  return std::string(stream.line(deadline).value());
}

void clear_server(const std::string& url) {
  (void)ask_server(url, url.starts_with("memcached") ? "flush_all" : "FLUSHALL");
}

}  // namespace locum::tests
