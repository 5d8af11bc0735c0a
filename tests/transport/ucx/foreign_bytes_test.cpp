// Connections that no UCX opens: another program reaches the TCP ports at which a rank listens, and sends it
// anything, or nothing. UCX 1.13.1 drops these because they do not begin as its own do. It does not check
// what follows such a beginning, and ends the process there (docs/security.md): nothing of that is sent here.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <deque>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/descriptor.hpp"
#include "tests/transport/ucx/lanes.hpp"
#include "tests/transport/ucx/recorder.hpp"
#include "transport/ucx/transport.hpp"

namespace locum::ucx::foreign_bytes_test {
namespace {

using tests::drive;
using tests::Lanes;
using tests::message_bytes;
using tests::Recorder;

constexpr std::array<std::byte, 1> tick{std::byte{1}};
constexpr std::size_t most_ports = 8;
using Ports = std::array<std::uint16_t, most_ports>;  // 0: none

// Of this process, at the loopback; at least one.
Ports listening_ports() {
  Ports ports{};
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int number = std::stoi(entry.path().filename());
    int listens = 0;
    socklen_t length = sizeof listens;
    sockaddr_in address{};
    socklen_t address_length = sizeof address;
    if (::getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens != 0 &&
        ::getsockname(number, reinterpret_cast<sockaddr*>(&address), &address_length) == 0 &&
        address.sin_family == AF_INET && count < ports.size()) {
      EXPECT_EQ(address.sin_addr.s_addr, htonl(INADDR_LOOPBACK)) << "UCX_NET_DEVICES=lo was set";
      ports[count++] = address.sin_port;
    }
  }
  EXPECT_GT(count, 0U);
  return ports;
}

// A connection to that port, with these bytes sent.
Descriptor connection(std::uint16_t port, std::span<const std::byte> bytes) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = port;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
      << "it does not listen any more";
  // The other side may have closed it by now.
  static_cast<void>(::send(socket.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  return socket;
}

TEST(UcxForeignBytes, DoNotDisturb) {
  auto children = tests::start_group(2, Lanes::tcp, [](Group& group) {
    auto transport = open_transport(group);
    Recorder recorder;
    Ports ports = listening_ports();
    const std::vector<std::byte> everybodys = group.all_gather(std::as_bytes(std::span(ports)));
    if (group.rank() == 0) {
      std::size_t answered = 0;
      EXPECT_TRUE(drive(*transport, recorder, [&] {
        for (; answered < recorder.messages.size(); ++answered) {
          EXPECT_TRUE(transport->send(1, tick, {}, 0));
        }
        return answered > 0 && !recorder.messages.back().bulk.empty();
      }));
      EXPECT_TRUE(recorder.lost_ranks.empty());  // in the barrier the other one may leave first
      tests::barrier(group, [&] { transport->progress(recorder); });
      return std::string();
    }
    std::memcpy(ports.data(), everybodys.data(), sizeof ports);
    std::mt19937_64 random(20261125);
    constexpr std::string_view http = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    constexpr std::size_t most_held = 100;
    std::deque<Descriptor> held;
    constexpr std::size_t rounds = 1000;
    for (std::size_t round = 1; round <= rounds; ++round) {
      for (const std::uint16_t port : ports) {
        if (port == 0) {
          continue;
        }
        static_cast<void>(connection(port, message_bytes(1 + random() % 4000, random())));
        static_cast<void>(connection(port, std::as_bytes(std::span(http))));
        static_cast<void>(connection(port, {}));
        // Too little to be told from a beginning of UCX's, and never more.
        held.push_back(connection(port, message_bytes(random() % 8, random())));
        if (held.size() > most_held) {
          held.pop_front();
        }
      }
      // The rank listens and answers all the while.
      EXPECT_TRUE(
          transport->send(0, tick, round == rounds ? std::span(tick) : std::span<const std::byte>(), 0));
      if (!drive(*transport, recorder, [&] { return recorder.messages.size() == round; })) {
        ADD_FAILURE() << "no answer in round " << round;
        break;
      }
    }
    EXPECT_TRUE(recorder.lost_ranks.empty());
    tests::barrier(group, [&] { transport->progress(recorder); });
    return std::string();
  });
  for (tests::Child& child : children) {
    const tests::Ending ending = child.wait();
    EXPECT_EQ(ending.exit_code, 0) << ending.said << " (signal " << ending.signal << ')';
  }
}

}  // namespace
}  // namespace locum::ucx::foreign_bytes_test
