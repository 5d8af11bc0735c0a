#include "tests/transport/storage/fault_proxy.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <list>
#include <random>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"

namespace locum::tests {

namespace {

using Clock = std::chrono::steady_clock;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw std::runtime_error("the path of a proxy is too long: " + path);
  }
  std::ranges::copy(path, std::begin(address.sun_path));
  return address;
}

int new_socket() {
  return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

// Negative: it cannot be reached.
int connected_to(const std::string& server) {
  if (server.find('/') != std::string::npos) {
    const int made = new_socket();
    const sockaddr_un to = address_of(server);
    if (::connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
      return made;
    }
    ::close(made);
    return -1;
  }
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(server)));
  if (::connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
      ::fcntl(made, F_SETFL, O_NONBLOCK) == 0) {
    return made;
  }
  ::close(made);
  return -1;
}

}  // namespace

struct FaultProxy::State {
  struct Late {
    Clock::time_point moment;
    std::string bytes;
  };

  struct Passage {
    int client = -1;
    int server = -1;
    std::string to_server;
    std::deque<Late> to_client;
    bool is_asked = false;  ///< and nothing came since
  };

  std::string path;
  std::string server;
  int listener = -1;
  std::array<int, 2> wake{-1, -1};
  std::atomic<bool> ends{false};
  std::atomic<int> cuts{0};
  std::atomic<int> connections{0};
  std::atomic<int> turns{0};
  Mutex mutex;
  Faults faults LOCUM_GUARDED_BY(mutex);
  std::int64_t passed LOCUM_GUARDED_BY(mutex) = 0;  ///< bytes of replies, since the faults were set
  std::mt19937_64 random LOCUM_GUARDED_BY(mutex);
  std::list<Passage> passages;
  std::thread thread;

  void accept_one();
  bool take_replies(Passage& passage);
  bool give_replies(Passage& passage);
  bool serve(Passage& passage, short client_ready, short server_ready);
};

void FaultProxy::State::accept_one() {
  Passage passage;
  passage.client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (passage.client < 0) {
    return;
  }
  ++connections;
  passage.server = connected_to(server);
  if (passage.server < 0) {
    ::close(passage.client);
    return;
  }
  passages.push_back(std::move(passage));
}

// False: the passage ends.
bool FaultProxy::State::take_replies(Passage& passage) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::recv(passage.server, buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    return got < 0 && (errno == EAGAIN || errno == EINTR);
  }
  passage.is_asked = false;
  std::string bytes(buffer.data(), static_cast<std::size_t>(got));
  const MutexLock lock(mutex);
  const auto room_before = [got, before = passed](std::int64_t limit) {
    return static_cast<std::size_t>(std::clamp<std::int64_t>(limit - before, 0, got));
  };
  bool is_cut = false;
  if (faults.cut_after >= 0 && cuts < faults.cuts && passed + got > faults.cut_after) {
    bytes.resize(room_before(faults.cut_after));
    is_cut = true;
  }
  if (faults.silent_after >= 0) {
    bytes.resize(std::min(bytes.size(), room_before(faults.silent_after)));
  }
  passed += got;
  if (!faults.reply.empty()) {
    bytes = faults.reply;
  }
  if (faults.garbage_seed != 0) {
    for (char& byte : bytes) {
      byte = static_cast<char>(random());
    }
  }
  auto moment = Clock::now() + faults.delay;
  if (faults.drip.count() > 0) {
    for (const char byte : bytes) {
      passage.to_client.push_back({moment += faults.drip, std::string(1, byte)});
    }
  } else if (!bytes.empty()) {
    passage.to_client.push_back({moment, std::move(bytes)});
  }
  if (is_cut) {
    ++cuts;
    passed = 0;
    while (!passage.to_client.empty()) {  // as far as the client takes it
      const std::string& last = passage.to_client.front().bytes;
      (void)::send(passage.client, last.data(), last.size(), MSG_NOSIGNAL);
      passage.to_client.pop_front();
    }
  }
  return !is_cut;
}

bool FaultProxy::State::give_replies(Passage& passage) {
  while (!passage.to_client.empty() && passage.to_client.front().moment <= Clock::now()) {
    std::string& bytes = passage.to_client.front().bytes;
    const ssize_t sent = ::send(passage.client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    bytes.erase(0, static_cast<std::size_t>(sent));
    if (!bytes.empty()) {
      return true;
    }
    passage.to_client.pop_front();
  }
  return true;
}

bool FaultProxy::State::serve(Passage& passage, short client_ready, short server_ready) {
  if ((client_ready & (POLLIN | POLLHUP | POLLERR)) != 0) {
    std::array<char, 65536> buffer;
    const ssize_t got = ::recv(passage.client, buffer.data(), buffer.size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
      return false;
    }
    if (got > 0 && !std::exchange(passage.is_asked, true)) {
      ++turns;
    }
    passage.to_server.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
  if (!passage.to_server.empty()) {
    const ssize_t sent =
        ::send(passage.server, passage.to_server.data(), passage.to_server.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      return false;
    }
    passage.to_server.erase(0, static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
  }
  if ((server_ready & (POLLIN | POLLHUP | POLLERR)) != 0 && !take_replies(passage)) {
    return false;
  }
  return give_replies(passage);
}

void FaultProxy::work(State& state) {
  while (!state.ends) {
    std::vector<pollfd> wanted{{state.wake[0], POLLIN, 0}, {state.listener, POLLIN, 0}};
    auto next = Clock::now() + std::chrono::seconds(1);
    for (const State::Passage& passage : state.passages) {
      const bool has_reply = !passage.to_client.empty();
      const bool is_due = has_reply && passage.to_client.front().moment <= Clock::now();
      if (has_reply && !is_due) {
        next = std::min(next, passage.to_client.front().moment);
      }
      wanted.push_back({passage.client, static_cast<short>(POLLIN | (is_due ? POLLOUT : 0)), 0});
      wanted.push_back(
          {passage.server, static_cast<short>(POLLIN | (passage.to_server.empty() ? 0 : POLLOUT)), 0});
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
    (void)::poll(wanted.data(), wanted.size(), static_cast<int>(std::max<std::int64_t>(left, 0)));
    std::size_t at = 2;
    for (auto one = state.passages.begin(); one != state.passages.end(); at += 2) {
      if (state.serve(*one, wanted[at].revents, wanted[at + 1].revents)) {
        ++one;
        continue;
      }
      ::close(one->client);
      ::close(one->server);
      one = state.passages.erase(one);
    }
    if (wanted[1].revents != 0) {
      state.accept_one();
    }
  }
}

FaultProxy::FaultProxy(std::string path, std::string server) : state_(std::make_unique<State>()) {
  state_->path = std::move(path);
  state_->server = std::move(server);
  state_->listener = new_socket();
  const sockaddr_un at = address_of(state_->path);
  if (::bind(state_->listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      ::listen(state_->listener, 256) != 0 || ::pipe2(state_->wake.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("no proxy can listen at " + state_->path + ": " + std::strerror(errno));
  }
  state_->thread = std::thread([this] { work(*state_); });
}

FaultProxy::~FaultProxy() {
  state_->ends = true;
  (void)::write(state_->wake[1], "x", 1);
  state_->thread.join();
  for (const State::Passage& passage : state_->passages) {
    ::close(passage.client);
    ::close(passage.server);
  }
  for (const int one : {state_->listener, state_->wake[0], state_->wake[1]}) {
    ::close(one);
  }
  ::unlink(state_->path.c_str());
}

void FaultProxy::set(const Faults& faults) {
  const MutexLock lock(state_->mutex);
  state_->faults = faults;
  state_->passed = 0;
  state_->cuts = 0;
  state_->turns = 0;
  state_->random.seed(faults.garbage_seed);
}

const std::string& FaultProxy::path() const noexcept {
  return state_->path;
}
int FaultProxy::cuts() const noexcept {
  return state_->cuts;
}
int FaultProxy::connections() const noexcept {
  return state_->connections;
}
int FaultProxy::turns() const noexcept {
  return state_->turns;
}

}  // namespace locum::tests
