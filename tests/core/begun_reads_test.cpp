// Asynchronous reads from other nodes, other than of whole objects: parts, hyperslabs, and existence.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/node/cluster.hpp"
#include "core/node/local.hpp"
#include "core/store.hpp"
#include "core/value/options.hpp"
#include "tests/core/forwarding_directory.hpp"
#include "tests/core/future_nodes.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using tests::code_of;

class BegunReads : public tests::FutureNodes {
 protected:
  static std::vector<double> numbers(std::size_t number = count) {
    std::vector<double> made(number);
    std::iota(made.begin(), made.end(), 0.0);
    return made;
  }
  /// A name whose home is that node: 1 is the reading rank's.
  [[nodiscard]] std::string at_home(int node, const std::string& stem) {
    return world_.name_at(node, reader_.number(), stem);
  }
  [[nodiscard]] std::uint64_t sent() { return world_.network().counters().sent.messages; }
  void pass(std::chrono::nanoseconds time) { world_.network().run_for(time); }
};

TEST_F(BegunReads, BringPartsAndHyperslabsAsTheCallsThatWaitDo) {
  const std::string away = at_home(0, "away");
  const std::string here = at_home(1, "here");
  const Key key = maker_.put(away, numbers()).value();
  ASSERT_TRUE(maker_.put(here, numbers()));
  auto writer = maker_.create<double>({100, 100}).value();
  std::ranges::copy(numbers(), writer.data());
  const Key matrix = std::move(writer).seal().value();
  const Hyperslab slab{.start = {3, 7}, .count = {2, 4}, .stride = {5, 10}};
  const std::vector<Future<double[]>> parts{
      reader_.get_async<double[]>(key, {.part = {.offset = 5000, .count = 3}}),
      reader_.get_async<double[]>(away, {.part = {.offset = 5000, .count = 3}}),
      reader_.get_async<double[]>(here, {.part = {.offset = 5000, .count = 3}})};
  const auto box = reader_.get_async<double[]>(matrix, {.slab = slab});
  const auto line = reader_.get_async<double[]>(here, {.slab = {.start = {5000}, .count = {3}}});
  EXPECT_FALSE(parts[0].ready());
  EXPECT_FALSE(box.ready());
  pass(100ms);  // no thread calls the library
  for (const auto& part : parts) {
    ASSERT_TRUE(part.ready());
    const auto got = part.get();
    ASSERT_TRUE(got) << got.error();
    EXPECT_EQ(std::vector<double>(got->begin(), got->end()), (std::vector<double>{5000, 5001, 5002}));
  }
  ASSERT_TRUE(box.ready() && line.ready());
  EXPECT_EQ(box.get().value().extents(), Extents(2, 4));
  EXPECT_TRUE(std::ranges::equal(box.get().value(), reader_.get<double[]>(matrix, {.slab = slab}).value()));
  EXPECT_EQ(box.get().value()[5], 817);
  EXPECT_EQ(line.get().value().size(), 3U);
  EXPECT_EQ(line.get().value()[2], 5002);
}

// All concurrently, in few messages, and only the wanted bytes are transferred.
TEST_F(BegunReads, BringManyPartsInTheTimeOfFew) {
  const Key key = maker_.put(numbers()).value();
  const auto before = world_.network().counters();
  const auto began = world_.network().now();
  std::vector<Future<double[]>> parts;
  for (std::uint64_t at = 0; at < 200; ++at) {
    parts.push_back(reader_.get_async<double[]>(key, {.part = {.offset = 50 * at, .count = 2}}));
  }
  ASSERT_TRUE(when_all(parts));
  EXPECT_LE(world_.network().now() - began, 7ms) << "a message takes one, and what it announces two more";
  const auto after = world_.network().counters();
  EXPECT_LE(after.sent.messages - before.sent.messages, 10U) << "requests travel together, and so do replies";
  EXPECT_LE(after.sent.bytes - before.sent.bytes, 200 * 400U);
  for (std::size_t at = 0; at < parts.size(); ++at) {
    EXPECT_EQ(parts[at].get().value()[1], 50.0 * static_cast<double>(at) + 1);
  }
}

// An object with a checksum is transferred as a whole, and shown in part.
TEST_F(BegunReads, ShowAPartOfWhatTravelsWhole) {
  const StoreOptions checked{.checksum = true};
  Store made = made_->open("checked", checked).value();
  Store read = read_->open("checked", checked).value();
  const Key key = made.put(numbers()).value();
  const auto part = read.get_async<double[]>(key, {.part = {.offset = 9000, .count = 2}});
  const auto line = read.get_async<double[]>(key, {.slab = {.start = {1}, .count = {3}, .stride = {1000}}});
  pass(100ms);
  ASSERT_TRUE(part.ready() && line.ready());
  EXPECT_EQ(part.get().value().size(), 2U);
  EXPECT_EQ(part.get().value()[0], 9000);
  EXPECT_EQ(line.get().value().size(), 3U);
  EXPECT_EQ(line.get().value()[2], 2001);
}

TEST_F(BegunReads, OfThisNodeAreThereAtOnce) {
  const Key key = reader_.put(numbers()).value();
  const std::string here = at_home(1, "here");
  ASSERT_TRUE(reader_.put(here, numbers()));
  const std::uint64_t before = sent();
  const auto part = reader_.get_async<double[]>(here, {.part = {.offset = 1, .count = 1}});
  const auto line =
      reader_.get_async<double[]>(key, {.slab = {.start = {1}, .count = {3}, .stride = {1000}}});
  const auto there = reader_.exists_async(key);
  const auto named = reader_.exists_async(here);
  const auto nothing = reader_.exists_async(at_home(1, "nothing"));
  ASSERT_TRUE(part.ready() && line.ready() && there.ready() && named.ready() && nothing.ready());
  EXPECT_EQ(part.get().value()[0], 1);
  EXPECT_EQ(line.get().value()[2], 2001);
  EXPECT_TRUE(there.get().value());
  EXPECT_TRUE(named.get().value());
  EXPECT_FALSE(nothing.get().value());
  EXPECT_EQ(sent(), before);
}

TEST_F(BegunReads, SayWhatWasWrong) {
  const Key key = maker_.put(numbers()).value();
  const auto none =
      reader_.get_async<double[]>(key, {.part = {.offset = 1, .count = std::uint64_t{1} << 61U}});
  ASSERT_TRUE(none.ready()) << "no object has such a part";
  EXPECT_EQ(code_of(none.get()), Errc::invalid_argument);
  const auto behind = reader_.get_async<double[]>(key, {.part = {.offset = count, .count = 1}});
  const auto flat = reader_.get_async<double[]>(key, {.slab = {.start = {0, 0}, .count = {1, 1}}});
  const auto empty = reader_.get_async<double[]>(key, {.part = {.offset = count, .count = 0}});
  const auto further = reader_.get_async<double[]>(key, {.part = {.offset = count + 1, .count = 0}});
  const auto other = reader_.get_async<float[]>(key, {.part = {.offset = 0, .count = 1}});
  const auto absent = reader_.get_async<double[]>(at_home(0, "absent"), {.part = {.offset = 0, .count = 1}});
  const std::uint64_t misses = read_->metrics().misses;
  pass(100ms);
  ASSERT_TRUE(behind.ready() && flat.ready() && other.ready() && absent.ready());
  ASSERT_TRUE(empty.ready() && further.ready());
  EXPECT_EQ(empty.get().value().size(), 0U);
  EXPECT_EQ(code_of(further.get()), Errc::invalid_argument);
  EXPECT_EQ(code_of(behind.get()), Errc::invalid_argument);
  EXPECT_EQ(behind.get().error().key(), to_string(key)) << "the error has the key";
  EXPECT_EQ(code_of(flat.get()), Errc::invalid_argument);
  EXPECT_EQ(code_of(other.get()), Errc::type_mismatch);
  EXPECT_EQ(code_of(absent.get()), Errc::not_found);
  EXPECT_EQ(read_->metrics().misses - misses, 1U);
  EXPECT_EQ(code_of(reader_.exists_async("").get()), Errc::invalid_argument);
  Key foreign = key;
  ++foreign.store;
  EXPECT_FALSE(reader_.exists_async(foreign).get().value()) << "the key is of another store";
}

TEST_F(BegunReads, SayWhetherObjectsAreThere) {
  const std::string away = at_home(0, "away");
  const Key key = put(1);
  const Key gone = put(2);
  ASSERT_TRUE(maker_.put(away, 1.0));
  ASSERT_TRUE(maker_.evict(gone).value());
  const auto there = reader_.exists_async(key);
  const auto named = reader_.exists_async(away);
  const auto evicted = reader_.exists_async(gone);
  const auto absent = reader_.exists_async(at_home(0, "absent"));
  EXPECT_FALSE(there.ready() || named.ready() || evicted.ready() || absent.ready());
  pass(10ms);
  EXPECT_TRUE(there.ready() && named.ready() && evicted.ready() && absent.ready());
  EXPECT_TRUE(there.get().value());
  EXPECT_TRUE(named.get().value());
  EXPECT_FALSE(evicted.get().value());
  EXPECT_FALSE(absent.get().value());
}

TEST_F(BegunReads, AskWhetherAThousandAreThereInTheTimeOfOne) {
  std::vector<Key> keys;
  for (int i = 0; i < 500; ++i) {
    keys.push_back(maker_.put(1.0 * i).value());
  }
  ASSERT_TRUE(maker_.evict(keys[77]).value());
  const std::string away = at_home(0, "away");
  ASSERT_TRUE(maker_.put(away, 1.0));
  const std::uint64_t before = sent();
  const auto began = world_.network().now();
  std::vector<AsyncResult<bool>> replies;
  for (const Key& key : keys) {
    replies.push_back(reader_.exists_async(key));
    replies.push_back(reader_.exists_async(away));
  }
  ASSERT_TRUE(when_all(replies));
  EXPECT_LE(world_.network().now() - began, 4ms);
  EXPECT_EQ(sent() - before, 2000U) << "a request and a reply each";
  for (std::size_t at = 0; at < replies.size(); ++at) {
    EXPECT_EQ(replies[at].get().value(), at != 2 * 77U) << at;
  }
}

// More than fit the window; some are dropped.
TEST_F(BegunReads, AskInTurn) {
  const Key key = put(1);
  std::vector<AsyncResult<bool>> replies;
  for (int i = 0; i < 3000; ++i) {
    replies.push_back(reader_.exists_async(key));
  }
  EXPECT_GT(world_.rank(2).links->window(CountsUntil::it_is_got)->levels().queued, 1000U);
  replies.resize(2500);
  EXPECT_TRUE(replies.back().get().value()) << "started at once, because a thread waits for it";
  pass(100ms);
  EXPECT_TRUE(std::ranges::all_of(replies, [](const auto& reply) { return reply.get().value(); }));
  EXPECT_EQ(world_.rank(2).links->window(CountsUntil::it_is_got)->levels(), Window::Levels{});
}

TEST_F(BegunReads, EndAtTheirDeadline) {
  const Key key = put(1);
  world_.network().cut(0, 2, loopback::Cut::hold);
  const auto late = reader_.exists_async(key, {.deadline = world_.network().now() + 50ms});
  const auto part = reader_.get_async<double[]>(
      key, {.part = {.offset = 1, .count = 1}, .deadline = world_.network().now() + 50ms});
  pass(40ms);
  EXPECT_FALSE(late.ready() || part.ready());
  pass(160ms);
  ASSERT_TRUE(late.ready() && part.ready());
  EXPECT_EQ(code_of(late.get()), Errc::timeout);
  EXPECT_EQ(code_of(part.get()), Errc::timeout);
  world_.network().heal();
}

TEST_F(BegunReads, AreCancelledAtEveryStep) {
  const Key key = put(7);
  for (std::uint64_t steps = 0;; ++steps) {
    auto there = std::make_optional(reader_.exists_async(key));
    auto part = std::make_optional(reader_.get_async<double[]>(key, {.part = {.offset = 1, .count = 1}}));
    for (std::uint64_t step = 0; step < steps && !(there->ready() && part->ready()); ++step) {
      ASSERT_TRUE(world_.network().step());
    }
    const auto came = std::pair(there->ready(), part->ready());
    there->cancel();
    part->cancel();
    EXPECT_EQ(code_of(there->get()), came.first ? Errc{} : Errc::cancelled) << steps;
    EXPECT_EQ(code_of(part->get()), came.second ? Errc{} : Errc::cancelled) << steps;
    there.reset();
    part.reset();
    pass(100ms);
    if (came.first && came.second) {
      EXPECT_GT(steps, 3U);
      break;
    }
  }
  EXPECT_TRUE(reader_.exists_async(key).get().value());
  expect_nothing_left({key});
}

TEST_F(BegunReads, SayThatTheOwnerHasDied) {
  const auto keys = put_some(20);
  std::vector<AsyncResult<bool>> replies;
  std::vector<Future<double[]>> parts;
  for (const Key& key : keys) {
    replies.push_back(reader_.exists_async(key));
    parts.push_back(reader_.get_async<double[]>(key, {.part = {.offset = 1, .count = 1}}));
  }
  pass(500us);
  mortal_.kill_node(0);
  EXPECT_TRUE(when_all(replies) && when_all(parts));
  for (std::size_t at = 0; at < keys.size(); ++at) {
    EXPECT_EQ(code_of(replies[at].get()), Errc::peer_lost);
    EXPECT_EQ(code_of(parts[at].get()), Errc::peer_lost);
  }
  parts.clear();
  expect_nothing_left({});
}

TEST_F(BegunReads, SayThatTheRuntimeWasClosed) {
  const Key key = put(1);
  std::vector<AsyncResult<bool>> replies;
  for (int i = 0; i < 2000; ++i) {
    replies.push_back(reader_.exists_async(key));
  }
  pass(500us);
  read_->close();
  mortal_.close_now(2);
  for (const auto& reply : replies) {
    ASSERT_TRUE(reply.ready());
    EXPECT_EQ(code_of(reply.get()), Errc::closed);
  }
  EXPECT_EQ(code_of(reader_.exists_async(key).get()), Errc::closed);
}

/// A connector without other nodes.
std::shared_ptr<Connector> local_of_one() {
  return open_local();
}
std::shared_ptr<Connector> cluster_of_one() {
  const auto node = std::make_shared<tests::PlainNode>(1U, std::uint64_t{16} << 20U, 0U);
  const tests::NodeProcess& process = node->processes()[0];
  return open_cluster({.arena = process.arena, .table = process.table, .directory = process.directory});
}

class BegunOnOneNode : public ::testing::TestWithParam<std::shared_ptr<Connector> (*)()> {
 protected:
  const std::shared_ptr<Session> session_ =
      std::make_shared<Session>(GetParam()(), std::make_shared<Metrics>());
  Store store_ = session_->open("fields").value();
};

TEST_P(BegunOnOneNode, IsThereAtOnce) {
  const Key key = store_.put("numbers", std::vector<double>{1, 2, 3, 4}).value();
  const auto part = store_.get_async<double[]>("numbers", {.part = {.offset = 1, .count = 2}});
  const auto line = store_.get_async<double[]>(key, {.slab = {.start = {0}, .count = {2}, .stride = {3}}});
  const auto there = store_.exists_async(key);
  const auto absent = store_.exists_async("absent");
  ASSERT_TRUE(part.ready() && line.ready() && there.ready() && absent.ready());
  EXPECT_EQ(part.get().value()[1], 3);
  EXPECT_EQ(line.get().value()[1], 4);
  EXPECT_TRUE(there.get().value());
  EXPECT_FALSE(absent.get().value());
  session_->close();
  EXPECT_EQ(code_of(store_.exists_async(key).get()), Errc::closed);
}

INSTANTIATE_TEST_SUITE_P(Connectors, BegunOnOneNode, ::testing::Values(&local_of_one, &cluster_of_one),
                         [](const auto& each) { return each.index == 0 ? "Local" : "Cluster"; });

/// A directory in which a process is stopped while it holds a lock, as long as the test says so: a look-up
/// must not wait longer than its budget, and that of an asynchronous call is small.
class StoppedDirectory final : public ForwardingDirectory {
 public:
  using ForwardingDirectory::ForwardingDirectory;

  Result<Pin> find(std::uint32_t store, std::string_view name, WaitBudget budget) override {
    EXPECT_TRUE(!stopped || budget.is_limited()) << "this would wait for the stopped process";
    ++looks;
    return stopped ? Error(Errc::timeout, "a stopped process holds the lock")
                   : ForwardingDirectory::find(store, name, budget);
  }

  bool stopped = false;
  int looks = 0;
};

/// Two nodes; rank 1 reads objects whose names have their home on its own node.
class BegunReadsOfAStoppedDirectory : public ::testing::Test {
 protected:
  std::shared_ptr<StoppedDirectory> directory_;
  SimulatedNodes world_{
      {.nodes = {.nodes = 2, .wrap_directory = [this](int rank, const NodeProcess& process) {
                   const auto made = std::make_shared<StoppedDirectory>(process.directory);
                   directory_ = rank == 1 ? made : directory_;
                   return made;
                 }}}};
  const std::shared_ptr<Session> session_ = session_of(world_.rank(1), 1, world_.completions(1));
  Store store_ = session_->open("fields").value();
};

TEST_F(BegunReadsOfAStoppedDirectory, LookAgainUntilTheirDeadline) {
  const std::string name = world_.name_at(1, store_.number(), "a");
  ASSERT_TRUE(store_.put(name, 1.0));
  directory_->stopped = true;
  directory_->looks = 0;
  const auto read = store_.get_async<double>(name);
  const auto there = store_.exists_async(name);
  const auto late = store_.get_async<double>(name, {.deadline = world_.network().now() + 300ms});
  world_.network().run_for(400ms);
  EXPECT_FALSE(read.ready() || there.ready());
  ASSERT_TRUE(late.ready());
  EXPECT_EQ(code_of(late.get()), Errc::timeout) << "at its deadline";
  EXPECT_GT(directory_->looks, 20);
  EXPECT_LT(directory_->looks, 100) << "it does not poll without pauses";
  directory_->stopped = false;
  world_.network().run_for(60ms);
  ASSERT_TRUE(read.ready() && there.ready());
  EXPECT_EQ(*read.get().value(), 1.0);
  EXPECT_TRUE(there.get().value());
  session_->close();
}

}  // namespace
}  // namespace locum::tests
