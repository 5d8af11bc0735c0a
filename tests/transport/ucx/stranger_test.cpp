// Messages that no transport has sent: a process that knows the address of a worker sends it any bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include "tests/transport/ucx/lanes.hpp"
#include "tests/transport/ucx/recorder.hpp"
#include "transport/ucx/context.hpp"
#include "transport/ucx/endpoint.hpp"
#include "transport/ucx/envelope.hpp"
#include "transport/ucx/transport.hpp"
#include "transport/ucx/worker.hpp"

namespace locum::ucx::stranger_test {
namespace {

using tests::drive;
using tests::Lanes;
using tests::message_bytes;
using tests::Recorder;

constexpr std::array<std::byte, 1> tick{std::byte{1}};

// Keeps the gathered data: first each rank's size of address and session, then the addresses.
class Listener final : public Group {
 public:
  explicit Listener(Group& group) : group_(group) {}

  [[nodiscard]] int rank() const noexcept override { return group_.rank(); }
  [[nodiscard]] int size() const noexcept override { return group_.size(); }
  [[nodiscard]] const std::vector<int>& node_of_rank() const noexcept override {
    return group_.node_of_rank();
  }
  void barrier() override { group_.barrier(); }
  [[nodiscard]] std::vector<std::byte> all_gather(std::span<const std::byte> mine) override {
    return gathered.emplace_back(group_.all_gather(mine));
  }
  [[nodiscard]] std::optional<Error> agree(const std::optional<Error>& mine) override {
    return group_.agree(mine);
  }

  std::vector<std::vector<std::byte>> gathered;

 private:
  Group& group_;
};

// Sends active messages directly through UCX, to rank 0.
class Stranger {
 public:
  explicit Stranger(const Listener& listener) : context_(2, false), worker_(context_) {
    std::memcpy(&session, listener.gathered.at(0).data() + sizeof(std::uint64_t), sizeof session);
    const std::vector<std::byte>& addresses = listener.gathered.at(1);
    check(endpoint_.open(
        worker_, std::span(addresses).first(addresses.size() / 2), [](void*, ucp_ep_h, ucs_status_t) {},
        nullptr));
  }
  ~Stranger() { endpoint_.close(); }

  void send(std::span<const std::byte> header, std::span<const std::byte> bulk, unsigned flags) {
    foreign += Envelope::open(header, session, 0, 2) ? 0U : 1U;
    ucp_request_param_t params{};
    params.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
    params.flags = flags;
    ucs_status_ptr_t request = ucp_am_send_nbx(endpoint_.handle(), 0, header.data(), header.size(),
                                               bulk.data(), bulk.size(), &params);
    if (UCS_PTR_IS_PTR(request)) {
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (ucp_request_check_status(request) == UCS_INPROGRESS) {
        worker_.progress();
        ASSERT_LT(std::chrono::steady_clock::now(), end);
      }
      last = ucp_request_check_status(request);
      ucp_request_free(request);
    } else {
      last = UCS_PTR_RAW_STATUS(request);
    }
  }

  std::uint64_t session = 0;
  ucs_status_t last = UCS_OK;
  std::uint64_t foreign = 0;  ///< messages sent that are of no rank

 private:
  static void check(ucs_status_t status) { ASSERT_EQ(status, UCS_OK); }

  Context context_;
  Worker worker_;
  Endpoint endpoint_;
};

class UcxStrangerTest : public testing::TestWithParam<Lanes> {};

INSTANTIATE_TEST_SUITE_P(Lanes, UcxStrangerTest, testing::Values(Lanes::any, Lanes::tcp),
                         testing::PrintToStringParamName());

TEST_P(UcxStrangerTest, IsNotHeard) {
  auto children = tests::start_group(2, GetParam(), [](Group& group) {
    Listener listener(group);
    auto transport = open_transport(listener);
    Recorder recorder;
    if (group.rank() == 0) {
      EXPECT_TRUE(drive(*transport, recorder, [&] {
        return !recorder.messages.empty() && !recorder.messages.back().bulk.empty();
      }));
      // Of all messages, only those with this runtime's envelope and the number of another rank are accepted.
      for (const auto& message : recorder.messages) {
        EXPECT_EQ(message.from, 1);
      }
      std::uint64_t foreign = 0;
      const auto& told = recorder.messages.back().bulk;
      std::memcpy(&foreign, told.data(), std::min(told.size(), sizeof foreign));
      EXPECT_GT(foreign, 2000U);
      EXPECT_EQ(recorder.foreign, foreign);
      EXPECT_TRUE(recorder.inbound.empty());
      EXPECT_TRUE(recorder.lost_ranks.empty());
      EXPECT_TRUE(transport->send(1, tick, {}, 0));
      tests::barrier(group, [&] { transport->progress(recorder); });
      return std::string();
    }
    Stranger stranger(listener);
    std::mt19937_64 random(20261120);
    const std::vector<std::byte> bulk = message_bytes(100000, 1);
    Letter letter;
    const auto refused = [&](const Envelope& envelope, std::size_t header_bytes) {
      const auto message = write(letter, envelope, message_bytes(header_bytes, 1));
      stranger.send(message, {}, UCP_AM_SEND_FLAG_EAGER);
      stranger.send(message, bulk, UCP_AM_SEND_FLAG_RNDV);
      EXPECT_NE(stranger.last, UCS_OK) << "no receiver has provided memory for it";
    };
    refused({.mark = 1, .sender = 1, .session = stranger.session}, 8);
    refused({.sender = 1, .session = stranger.session + 1}, 8);
    refused({.sender = 0, .session = stranger.session}, 8);
    refused({.sender = 2, .session = stranger.session}, 8);
    refused({.sender = -1, .session = stranger.session}, 8);
    refused({.sender = 1, .session = stranger.session}, 0);
    stranger.send({}, bulk, UCP_AM_SEND_FLAG_RNDV);
    stranger.send({}, {}, UCP_AM_SEND_FLAG_EAGER);
    for (int round = 0; round < 5000; ++round) {
      std::vector<std::byte> header = message_bytes(random() % 600, random());
      if (header.size() >= Envelope::bytes && random() % 2 == 0) {
        const Envelope envelope{.sender = static_cast<int>(random() % 4) - 1,
                                .session = stranger.session ^ (random() % 2)};
        std::memcpy(header.data(), &envelope, sizeof envelope);
        // A valid message with the number of rank 1 is accepted, without its bulk.
        stranger.send(header, {}, UCP_AM_SEND_FLAG_EAGER);
        continue;
      }
      stranger.send(header, std::span(bulk).first(random() % bulk.size()),
                    random() % 2 == 0 ? UCP_AM_SEND_FLAG_RNDV : UCP_AM_SEND_FLAG_EAGER);
    }
    refused({.mark = 1, .sender = 1}, 8);  // its answer says that all before it were received
    // The last message really comes from rank 1, and is the only one with a bulk. It has been received when
    // rank 0 replies.
    EXPECT_TRUE(transport->send(0, tick, std::as_bytes(std::span(&stranger.foreign, 1)), 0));
    EXPECT_TRUE(drive(*transport, recorder, [&] { return !recorder.messages.empty(); }));
    group.barrier();
    return std::string();
  });
  for (tests::Child& child : children) {
    const tests::Ending ending = child.wait();
    EXPECT_EQ(ending.exit_code, 0) << ending.said << " (signal " << ending.signal << ')';
  }
}

}  // namespace
}  // namespace locum::ucx::stranger_test
