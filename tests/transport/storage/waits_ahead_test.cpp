// Waits without a thread over a backend that does not answer before the test lets it: who begins them is not
// held up, and they hold up neither each other nor other calls.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/promise.hpp"
#include "core/serializers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/tier_scene.hpp"
#include "tests/transport/storage/turnstile.hpp"
#include "tests/transport/storage/wrappers/probe_backend.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

constexpr int count = 100;
/// Threads that look for waits: half of those of a session.
constexpr int looking = 32;

/// Whether what should not wait for the backend, which is shut, returns; otherwise opens it.
bool returns(const std::shared_ptr<Turnstile>& gate, const std::function<void()>& call) {
  auto called = std::async(std::launch::async, call);
  const bool has_returned = called.wait_for(Turnstile::patience) == std::future_status::ready;
  if (!has_returned) {
    gate->let_pass(all_calls);
  }
  called.get();
  return has_returned;
}

std::string name_of(const char* kind, int at) {
  return kind + std::to_string(at);
}

bool ends(const std::function<bool()>& has_ended) {
  const auto latest = Deadline::Clock::now() + Turnstile::patience;
  while (!has_ended() && Deadline::Clock::now() < latest) {
    std::this_thread::sleep_for(1ms);
  }
  return has_ended();
}

TEST(WaitsAhead, HoldUpNobodyWhoBeginsThem) {
  const auto gate = turnstile(true, whole_record);
  const Store store = open_session(gate).value().open("s").value();
  for (int at = 0; at < count; ++at) {
    ASSERT_TRUE(store.put(name_of("there", at), at));
  }
  gate->let_pass(0);
  std::vector<Future<int>> there;
  std::vector<Future<int>> absent;
  EXPECT_TRUE(returns(gate, [&] {
    for (int at = 0; at < count; ++at) {
      there.push_back(store.wait_async<int>(name_of("there", at), 60s));
      absent.push_back(store.wait_async<int>(name_of("absent", at), 60s));
    }
  }));
  EXPECT_TRUE(gate->are_held(looking)) << "they look at once";
  EXPECT_TRUE(std::ranges::none_of(there, [](const auto& one) { return one.ready(); }));
  gate->let_pass(all_calls);
  for (int at = 0; at < count; ++at) {
    EXPECT_EQ(*there[static_cast<std::size_t>(at)].get().value(), at);
  }
  // They look again at once, too.
  gate->let_pass(0);
  EXPECT_TRUE(gate->are_held(looking, "absent"));
  EXPECT_TRUE(std::ranges::none_of(absent, [](const auto& one) { return one.ready(); }));
  EXPECT_TRUE(returns(gate, [&] {
    for (int at = 0; at < count; ++at) {
      ASSERT_TRUE(store.put(name_of("absent", at), at));
    }
  }));
  gate->let_pass(all_calls);
  for (int at = 0; at < count; ++at) {
    EXPECT_EQ(*absent[static_cast<std::size_t>(at)].get().value(), at);
  }
}

TEST(WaitsAhead, HoldUpNobodyWhoFetchesPromises) {
  const auto gate = turnstile(true, whole_record);
  const Store mine = open_session(gate).value().open("s").value();
  const Session theirs = open_session(gate).value();
  ASSERT_TRUE(theirs.open("s"));
  std::vector<Promise<int>> promises;
  std::vector<Proxy<int>> stand_ins;
  for (int at = 0; at < count; ++at) {
    promises.push_back(mine.promise<int>().value());
    stand_ins.push_back(theirs.proxy<int>(promises.back().proxy().handle()));
  }
  for (int at = 0; at < count / 2; ++at) {
    ASSERT_TRUE(promises[static_cast<std::size_t>(at)].set(at));
  }
  gate->let_pass(0);
  EXPECT_TRUE(returns(gate, [&] {
    for (const auto& stand_in : stand_ins) {
      stand_in.prefetch();
    }
  }));
  EXPECT_TRUE(gate->are_held(looking));
  gate->let_pass(all_calls);
  EXPECT_EQ(*stand_ins.front().get(60s).value(), 0);
  for (int at = count / 2; at < count; ++at) {
    EXPECT_FALSE(stand_ins[static_cast<std::size_t>(at)].ready());
    ASSERT_TRUE(promises[static_cast<std::size_t>(at)].set(at));
  }
  for (int at = 0; at < count; ++at) {
    EXPECT_EQ(*stand_ins[static_cast<std::size_t>(at)].get(60s).value(), at);
  }
}

// Also where the end of a record does not come alone: by four at a time then.
TEST(WaitsAhead, EndAtTheirDeadlinesWhateverTheBackendDoes) {
  for (const bool loads_ends : {true, false}) {
    const auto gate = turnstile(loads_ends, whole_record);
    const Store store = open_session(gate).value().open("s").value();
    gate->let_pass(0);
    std::vector<Future<int>> waits;
    EXPECT_TRUE(returns(gate, [&] {
      for (int at = 0; at < count; ++at) {
        waits.push_back(store.wait_async<int>(name_of("absent", at), 50ms));
      }
      EXPECT_TRUE(
          ends([&] { return std::ranges::all_of(waits, [](const auto& one) { return one.ready(); }); }));
    }));
    for (const auto& wait : waits) {
      EXPECT_EQ(code_of(wait.get()), Errc::timeout);
    }
    EXPECT_EQ(gate->wholes() + gate->ends(), loads_ends ? looking : 4) << "what is over leaves the queue";
    gate->let_pass(all_calls);
  }
}

TEST(WaitsAhead, WithoutTimeLookOnce) {
  const Store store = open_session(turnstile(true, whole_record)).value().open("s").value();
  ASSERT_TRUE(store.put("there", 1));
  EXPECT_EQ(*store.wait_async<int>("there", 0ms).get().value(), 1);
  EXPECT_EQ(code_of(store.wait_async<int>("absent", 0ms).get()), Errc::timeout);
}

TEST(WaitsAhead, LeaveThreadsToOtherCalls) {
  const auto gate = turnstile(true, whole_record);
  const Store store = open_session(gate).value().open("s").value();
  gate->let_pass(0);
  std::vector<Future<int>> waits;
  std::vector<AsyncResult<bool>> looks;
  EXPECT_TRUE(returns(gate, [&] {
    for (int at = 0; at < count; ++at) {
      waits.push_back(store.wait_async<int>(name_of("absent", at), 60s));
    }
    for (int at = 0; at < count; ++at) {
      looks.push_back(store.exists_async(name_of("nobody", at)));
    }
  }));
  EXPECT_TRUE(gate->are_held(looking, "absent"));
  EXPECT_TRUE(gate->are_held(looking, "nobody")) << "the other half of the threads";
  gate->let_pass(all_calls);
  for (const auto& look : looks) {
    EXPECT_FALSE(look.get().value());
  }
}

// As what get_async fetches: what has come, and was not used yet, is within the window.
TEST(WaitsAhead, FetchNoMoreThanThereIsRoomFor) {
  const auto gate = turnstile(true, whole_record);
  const Store store = open_session(gate, {.prefetch_bytes = 1 << 20}).value().open("s").value();
  const int large = 40;
  for (int at = 0; at < large; ++at) {
    ASSERT_TRUE(store.put(name_of("there", at), std::vector<double>(25'000, at)));  // five fit
  }
  gate->let_pass(0);
  gate->let_pass(all_calls);
  std::vector<Future<double[]>> waits;
  for (int at = 0; at < large; ++at) {
    waits.push_back(store.wait_async<double[]>(name_of("there", at), 60s));
  }
  EXPECT_TRUE(gate->have_come(large + 5));
  EXPECT_FALSE(gate->have_come(large + 6, 100ms));
  EXPECT_EQ(gate->wholes(), 5);
  for (int at = 0; at < large; ++at) {
    EXPECT_EQ(waits[static_cast<std::size_t>(at)].get().value()[0], at);
  }
}

TEST(WaitsAhead, EndWithTheErrorOfALook) {
  const auto probe = std::make_shared<ProbeBackend>();
  const Store mine = open_session(probe).value().open("s").value();
  const Session theirs = open_session(probe).value();
  const Store same = theirs.open("s").value();
  const auto promise = mine.promise<int>().value();
  ASSERT_TRUE(mine.put("there", 1));
  ASSERT_TRUE(same.get<int>("there"));
  probe->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(same.wait_async<int>("absent", 60s).get()), Errc::peer_lost);
  probe->fail({{Errc{}}, {Errc::corrupt}});
  EXPECT_EQ(code_of(same.wait_async<int>("there", 60s).get()), Errc::corrupt) << "there, and not to be read";
  const auto stand_in = theirs.proxy<int>(promise.proxy().handle());
  ASSERT_EQ(code_of(stand_in.get(0ms)), Errc::timeout);
  probe->fail({{Errc{}}, {Errc::system}});
  stand_in.prefetch();
  EXPECT_TRUE(ends([&] { return stand_in.ready(); })) << "it cannot be said whether the promise is set yet";
}

TEST(WaitsAhead, EndWhenTheirSessionIsClosedAndNobodyAnswers) {
  std::weak_ptr<Turnstile> left;
  {
    const auto gate = turnstile(true, whole_record);
    left = gate;
    std::vector<Future<int>> waits;
    {
      const Session session = open_session(gate).value();
      const Store store = session.open("s").value();
      ASSERT_TRUE(store.put("there", 1));
      gate->let_pass(0);
      EXPECT_TRUE(returns(gate, [&] {
        for (int at = 0; at < count; ++at) {
          waits.push_back(store.wait_async<int>(at == 0 ? "there" : name_of("absent", at), 60s));
        }
      }));
      EXPECT_TRUE(gate->are_held(looking));
      EXPECT_TRUE(returns(gate, [&] { session.close(); }));
      EXPECT_TRUE(returns(gate, [&] {
        for (const auto& wait : waits) {
          EXPECT_EQ(code_of(wait.get()), Errc::closed);
        }
      }));
    }
    waits.clear();
    gate->let_pass(all_calls);
  }
  EXPECT_TRUE(ends([&] { return left.expired(); })) << "the last look lets go of the backend";
}

// The memory in front is looked at by who begins them.
TEST(WaitsAhead, HoldUpNobodyWhoBeginsThemOverATier) {
  const auto gate = turnstile(true, whole_record);
  const tiers::Job other(gate);
  for (int at = 0; at < count; ++at) {
    ASSERT_TRUE(other.put(name_of("there", at), static_cast<std::uint64_t>(at)));
  }
  const tiers::Job job(gate);
  ASSERT_TRUE(job.put("here", 1));
  gate->let_pass(0);
  std::vector<std::shared_ptr<Look>> looks;
  EXPECT_TRUE(returns(gate, [&] {
    const Deadline late = Deadline::Clock::now() + 60s;
    EXPECT_TRUE(
        job.tier->get_or_task({tiers::fields, "here"}, {}, CountsUntil::it_is_got_once_set, late).found);
    for (int at = 0; at < count; ++at) {
      for (const char* kind : {"there", "absent"}) {
        const std::string name = name_of(kind, at);
        const Address address(tiers::fields, name);
        const auto made = job.tier->get_or_task(address, {}, CountsUntil::it_is_got_once_set, late);
        EXPECT_EQ(code_of(made.found), Errc::not_found);
        looks.push_back(job.tier->look_later(address, CountsUntil::it_is_got_once_set, late));
        looks.back()->begin();
      }
    }
  }));
  EXPECT_TRUE(gate->are_held(4)) << "looks of a tier are few at a time";
  gate->let_pass(all_calls);
  for (std::size_t at = 0; at < looks.size(); ++at) {
    const auto fetch = looks[at]->get(60s);
    ASSERT_TRUE(fetch) << fetch.error();
    ASSERT_EQ(*fetch != nullptr, at % 2 == 0);
    if (*fetch) {
      EXPECT_TRUE((*fetch)->get(60s));
    }
  }
}

}  // namespace
}  // namespace locum::tests
