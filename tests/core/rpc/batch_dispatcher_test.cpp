// A BatchDispatcher gets invalid, forged or too many requests: only the named objects and names are changed.
#include "core/rpc/batch_dispatcher.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/object/object_tail.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests::batch_dispatcher_test {
namespace {

using namespace std::chrono_literals;
using tests::Message;
using tests::SimulatedNodes;

constexpr std::uint32_t store = 7;
constexpr int asked = 0;
constexpr int hostile = 1;
constexpr int bystander = 2;

/// Three nodes of one rank; one of them sends any request.
class BatchDispatcherTest : public ::testing::Test {
 protected:
  struct Reply {
    int times = 0;
    Errc status{};
    std::uint32_t count = 0;
    std::vector<BatchReplyRow> rows;
  };

  BatchDispatcherTest() {
    owner_.record = [this](const Message& message) {
      if (message.to != hostile || message.envelope().kind != Kind::reply) {
        return;
      }
      Reply& reply = answers_[message.envelope().call];
      ++reply.times;
      reply.status = static_cast<Errc>(message.envelope().status);
      if (const auto words = read_words<BatchReplyWords>(message.body())) {
        reply.count = words->count;
      }
      for (auto left = std::span<const std::byte>(message.bulk);
           reply.rows.size() < reply.count && left.size() >= sizeof(BatchReplyRow);
           left = left.subspan(sizeof(BatchReplyRow))) {
        reply.rows.push_back(*read_words<BatchReplyRow>(left));
      }
    };
  }
  ~BatchDispatcherTest() override { owner_.record = nullptr; }

  /// The one request of that kind that the hostile rank sends during `act`.
  template <class Act>
  [[nodiscard]] Message request(Kind kind, Act act) {
    Message found;
    hostile_.record = [&](const Message& message) {
      found = message.to == asked && message.envelope().kind == kind ? message : found;
    };
    act();
    hostile_.record = nullptr;
    EXPECT_FALSE(found.header.empty());
    world_.network().run_until_idle();
    return found;
  }
  /// A batch that announces that many requests and contains none yet; by default with unlimited patience.
  [[nodiscard]] static Message empty_batch(Kind kind, std::uint32_t count,
                                           std::uint64_t patience_ns = ~std::uint64_t{0}) {
    const UpdateBatchWords asked_for{.count = count, .patience_ns = patience_ns};
    Message message{asked, std::vector<std::byte>(sizeof(Envelope) + sizeof asked_for), {}};
    message.set_envelope({.kind = kind, .incarnation = 42});
    std::memcpy(message.header.data() + sizeof(Envelope), &asked_for, sizeof asked_for);
    return message;
  }
  std::uint32_t say(Message request) {
    Envelope envelope = request.envelope();
    envelope.call = ++last_call_;
    request.set_envelope(envelope);
    EXPECT_TRUE(hostile_.say(std::move(request)));
    return last_call_;
  }
  Reply ask(Message message) {
    const std::uint32_t call = say(std::move(message));
    (void)world_.network().run_until([&] { return answers_[call].times > 0; }, world_.network().now() + 60s);
    EXPECT_EQ(answers_[call].times, 1);
    return answers_[call];
  }
  [[nodiscard]] Key put_at(int rank, const std::string& name = {}) {
    return put(world_.connector(rank), store, name, pattern(1, 100)).value().key;
  }
  /// Each byte of a request takes some values, and it is truncated at each position: each time it is refused
  /// as a whole, or answered row by row.
  void expect_harmless(const Message& honest) {
    const std::vector<std::byte> body(honest.body().begin(), honest.body().end());
    const auto count = read_words<UpdateBatchWords>(body)->count;
    const auto try_it = [&](const std::vector<std::byte>& its_body, const std::vector<std::byte>& bulk) {
      Message message = honest;
      message.set_body(its_body);
      message.bulk = bulk;
      const Reply reply = ask(std::move(message));
      if (reply.status != Errc{}) {
        EXPECT_EQ(reply.status, Errc::invalid_argument);
        ++refused_;
        return;
      }
      ++answered_;
      EXPECT_EQ(reply.count, count);
      EXPECT_EQ(reply.rows.size(), count);
    };
    for (const bool of_bulk : {false, true}) {
      const auto& part = of_bulk ? honest.bulk : body;
      for (std::size_t at = 0; at < part.size(); ++at) {
        for (const int value : {0x00, 0x01, 0x10, 0x80, 0xFF}) {
          auto spoiled = part;
          spoiled[at] = static_cast<std::byte>(value);
          ASSERT_NO_FATAL_FAILURE(of_bulk ? try_it(body, spoiled) : try_it(spoiled, honest.bulk));
        }
        const std::vector<std::byte> cut(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(at));
        ASSERT_NO_FATAL_FAILURE(of_bulk ? try_it(body, cut) : try_it(cut, honest.bulk));
      }
      world_.network().run_until_idle();
      hostile_.forget();
      owner_.forget();
    }
  }
  [[nodiscard]] bool is_there(int rank, const Key& key) {
    const auto pin = world_.rank(rank).process.table->pin(key);
    if (pin) {
      world_.rank(rank).process.table->release(pin->id);
    }
    return pin.has_value();
  }

  tests::Liars liars_{asked, hostile};
  SimulatedNodes world_{{.nodes = {.nodes = 3, .timeout = 5s}, .network = {}, .wrap = liars_.wrap()}};
  tests::BentTransport& owner_ = liars_[asked];
  tests::BentTransport& hostile_ = liars_[hostile];
  std::map<std::uint32_t, Reply> answers_;
  std::uint32_t last_call_ = 1'000'000;
  int refused_ = 0;
  int answered_ = 0;
};

TEST_F(BatchDispatcherTest, SpoiledEvictionsByKeyTouchNothingElse) {
  const std::vector<Address> own{put_at(asked), put_at(asked), put_at(asked)};
  const Key guarded = put_at(bystander);
  const std::string name = world_.name_at(asked, store, "guarded ");
  const Key named = put_at(bystander, name);
  std::vector<Result<bool>> gone(3, no_memory_left());
  const Message honest =
      request(Kind::evict_batch, [&] { world_.connector(hostile).evict_batch(own, gone, {}); });
  EXPECT_TRUE(std::ranges::all_of(gone, [](const auto& each) { return each && *each; }));
  ASSERT_NO_FATAL_FAILURE(expect_harmless(honest));
  EXPECT_GT(refused_, 80);
  EXPECT_GT(answered_, 200);
  EXPECT_TRUE(is_there(bystander, guarded));
  EXPECT_TRUE(is_there(bystander, named));
  EXPECT_TRUE(world_.connector(bystander).exists(Address(store, name), {}).value());
}

TEST_F(BatchDispatcherTest, SpoiledEvictionsByNameTouchNothingElse) {
  std::vector<std::string> names;
  for (int at = 0; at < 3; ++at) {
    names.push_back(world_.name_at(asked, store, "own " + std::to_string(at) + "."));
    (void)put_at(bystander, names.back());
  }
  const std::string name = world_.name_at(asked, store, "guarded ");
  (void)put_at(bystander, name);
  const std::vector<Address> all{{store, names[0]}, {store, names[1]}, {store, names[2]}};
  std::vector<Result<bool>> gone(3, no_memory_left());
  const Message honest =
      request(Kind::unbind_batch, [&] { world_.connector(hostile).evict_batch(all, gone, {}); });
  EXPECT_TRUE(std::ranges::all_of(gone, [](const auto& each) { return each && *each; }));
  ASSERT_NO_FATAL_FAILURE(expect_harmless(honest));
  EXPECT_GT(refused_, 100);
  EXPECT_GT(answered_, 200);
  EXPECT_TRUE(world_.connector(bystander).exists(Address(store, name), {}).value());
  EXPECT_EQ(world_.connector(asked).list(store, {}, {}).value(), std::vector{name});
}

TEST_F(BatchDispatcherTest, SpoiledBindsBindNothingElse) {
  std::vector<ObjectDraft> drafts;
  std::vector<std::string> names;
  for (int at = 0; at < 2; ++at) {
    names.push_back(world_.name_at(asked, store, "own " + std::to_string(at) + "."));
    drafts.push_back(world_.connector(hostile).create(30, plain_meta(store, names.back()), {}).value());
    std::ranges::fill(drafts.back().bytes, std::byte{1});
  }
  std::vector<Result<Sealed>> sealed(2, no_memory_left());
  const std::string name = world_.name_at(asked, store, "guarded ");
  const Key guarded = put_at(bystander, name);
  const Message honest =
      request(Kind::bind_batch, [&] { world_.connector(hostile).seal_batch(drafts, sealed, {}); });
  ASSERT_TRUE(sealed[0] && sealed[1]);
  ASSERT_NO_FATAL_FAILURE(expect_harmless(honest));
  EXPECT_GT(refused_, 200);
  EXPECT_GT(answered_, 400);
  EXPECT_EQ(world_.connector(bystander).get(Address(store, name), {})->key(), guarded);
  const auto all = world_.connector(asked).list(store, {}, {}).value();
  for (const std::string& each : all) {
    EXPECT_EQ(world_.home(store, each), asked) << "a name that no look-up can find";
    EXPECT_TRUE(world_.connector(asked).evict(Address(store, each), {}));
  }
  world_.network().run_until_idle();
  EXPECT_EQ(world_.connector(asked).usage().own_objects, 0U);
}

TEST_F(BatchDispatcherTest, OfTooManyOrNoneAreRefused) {
  const KeyWords key{{store, asked, 77}};
  for (const std::uint32_t count : {0U, 1U, most_in_a_batch, most_in_a_batch + 1, ~0U}) {
    Message message = empty_batch(Kind::evict_batch, count);
    for (std::uint32_t at = 0; at < std::min(count, most_in_a_batch + 1); ++at) {
      append_request({words(key), {}}, message.bulk);
    }
    const bool is_right = count > 0 && count <= most_in_a_batch;
    const Reply reply = ask(std::move(message));
    EXPECT_EQ(reply.status, is_right ? Errc{} : Errc::invalid_argument) << count;
    EXPECT_TRUE(!is_right || reply.rows.size() == count) << count;
  }
}

// A rank sends ever more requests that need another node, and does not wait for the replies: a limited number
// is open, each gets one reply, and others are served meanwhile.
class ManyBatchesTest : public BatchDispatcherTest, public ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(ManyBatchesTest, OfOneRankAreBounded) {
  const std::string name = world_.name_at(asked, store, "name ");
  (void)put_at(bystander, name);
  const UnbindWords unbind{.only = Key{}, .store = store};
  std::vector<std::uint32_t> calls;
  std::vector<std::string> silent;
  for (int number = 0; number < 100; ++number) {
    silent.push_back(world_.name_at(asked, store, "silent " + std::to_string(number) + "."));
    (void)put_at(bystander, silent.back());
  }
  world_.network().cut(asked, bystander, loopback::Cut::hold);
  for (const std::string& name_of_it : silent) {
    Message message = empty_batch(Kind::unbind_batch, most_in_a_batch, GetParam());
    for (std::uint32_t at = 0; at < most_in_a_batch; ++at) {
      append_request({words(unbind), bytes_of_text(at == 0 ? name_of_it : "nobody's")}, message.bulk);
    }
    calls.push_back(say(std::move(message)));
    world_.network().run_for(100us);
  }
  world_.network().run_for(1ms);
  int refused = 0;
  for (const std::uint32_t call : calls) {
    refused += answers_[call].status == Errc::out_of_memory ? 1 : 0;
  }
  EXPECT_EQ(refused, 100 - 64);
  EXPECT_LE(world_.rank(asked).links->requests_of(hostile), 64U);
  EXPECT_TRUE(world_.connector(hostile).exists(Address(store, name), {}).value()) << "others are served";
  world_.network().run_for(20s);
  for (const std::uint32_t call : calls) {
    EXPECT_EQ(answers_[call].times, 1);
  }
  EXPECT_EQ(world_.rank(asked).links->requests_of(hostile), 0U);
}

// Also a rank whose requests have no patience.
INSTANTIATE_TEST_SUITE_P(Patience, ManyBatchesTest, ::testing::Values(~std::uint64_t{0}, std::uint64_t{0}));

}  // namespace
}  // namespace locum::tests::batch_dispatcher_test
