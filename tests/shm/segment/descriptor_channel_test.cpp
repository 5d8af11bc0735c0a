#include "shm/segment/descriptor_channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/value/error.hpp"

namespace locum::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = Deadline::Clock;

Errc thrown(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return Errc::not_found;  // the functions under test do not throw that
}

bool same_file(int one, int other) {
  struct stat first {};
  struct stat second {};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 && first.st_ino == second.st_ino &&
         first.st_dev == second.st_dev;
}

TEST(DescriptorChannel, GivesOneFileToAllWhoAsk) {
  DescriptorServer server;
  const Descriptor file(::memfd_create("given", MFD_CLOEXEC));
  std::vector<Descriptor> received(5);
  std::vector<std::thread> threads;
  for (Descriptor& mine : received) {
    threads.emplace_back([&] { mine = receive_descriptor(server.address(), Clock::now() + seconds(20)); });
  }
  server.give(file.number(), 5, Clock::now() + seconds(20));
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const Descriptor& mine : received) {
    ASSERT_TRUE(mine.is_open());
    EXPECT_NE(mine.number(), file.number());
    EXPECT_TRUE(same_file(mine.number(), file.number()));
    EXPECT_NE(::fcntl(mine.number(), F_GETFD) & FD_CLOEXEC, 0) << "a started program would inherit it";
  }
}

TEST(DescriptorChannel, ServersHaveNamesOfTheirOwn) {
  const DescriptorServer one;
  const DescriptorServer other;
  EXPECT_NE(one.address().name, other.address().name);
  EXPECT_NE(one.address().request, other.address().request);
  EXPECT_NE(one.address().request, one.address().reply);
}

TEST(DescriptorChannel, StrangersAreTurnedAwayAndDoNotCount) {
  DescriptorServer server;
  const Descriptor file(::memfd_create("given", MFD_CLOEXEC));
  ChannelAddress guessed = server.address();
  guessed.request[7] ^= std::byte{1};
  Errc strangers = Errc::not_found;
  Descriptor mine;
  std::thread asking([&] {
    strangers = thrown([&] { static_cast<void>(receive_descriptor(guessed, Clock::now() + seconds(20))); });
    mine = receive_descriptor(server.address(), Clock::now() + seconds(20));
  });
  server.give(file.number(), 1, Clock::now() + seconds(20));
  asking.join();
  EXPECT_EQ(strangers, Errc::peer_lost);
  EXPECT_TRUE(same_file(mine.number(), file.number()));
}

TEST(DescriptorChannel, AnAnswerOfSomebodyElseIsRefused) {
  DescriptorServer server;
  const Descriptor file(::memfd_create("given", MFD_CLOEXEC));
  ChannelAddress expected = server.address();
  expected.reply[0] ^= std::byte{1};
  Errc code = Errc::not_found;
  std::thread asking([&] {
    code = thrown([&] { static_cast<void>(receive_descriptor(expected, Clock::now() + seconds(20))); });
  });
  server.give(file.number(), 1, Clock::now() + seconds(20));
  asking.join();
  EXPECT_EQ(code, Errc::corrupt);
}

TEST(DescriptorChannel, NobodyComesIsATimeout) {
  DescriptorServer server;
  const auto start = Clock::now();
  EXPECT_EQ(thrown([&] { server.give(0, 1, Clock::now() + milliseconds(50)); }), Errc::timeout);
  EXPECT_GE(Clock::now() - start, milliseconds(50));
  EXPECT_LT(Clock::now() - start, seconds(10));
}

TEST(DescriptorChannel, AServerThatDoesNotAnswerIsATimeoutAndOneThatIsGoneIsLost) {
  std::optional<DescriptorServer> server(std::in_place);
  const ChannelAddress address = server->address();
  const auto ask = [&] {
    return thrown([&] { static_cast<void>(receive_descriptor(address, Clock::now() + milliseconds(50))); });
  };
  EXPECT_EQ(ask(), Errc::timeout);
  server.reset();
  EXPECT_EQ(ask(), Errc::peer_lost);
}

TEST(DescriptorChannel, WhoWaitsLearnsAtOnceThatTheServerIsGone) {
  std::optional<DescriptorServer> server(std::in_place);
  Errc code = Errc::not_found;
  const auto start = Clock::now();
  std::thread asking([&, address = server->address()] {
    code = thrown([&] { static_cast<void>(receive_descriptor(address, Clock::now() + seconds(60))); });
  });
  server.reset();  // before it has connected, or while it waits for the reply
  asking.join();
  EXPECT_EQ(code, Errc::peer_lost);
  EXPECT_LT(Clock::now() - start, seconds(30));
}

}  // namespace
}  // namespace locum::shm
