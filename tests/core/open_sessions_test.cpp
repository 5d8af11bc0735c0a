#include "core/open_sessions.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/containers.hpp"
#include "core/detail/session_list.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {
namespace {

using tests::code_of;
using tests::SessionFixture;

SessionOptions named(std::string_view name) {
  SessionOptions options;
  options.options.name = name;
  return options;
}

/// Contains a stand-in, possibly for an object of another session.
struct Letter {
  static constexpr std::string_view locum_type_name = "tests.letter";

  Proxy<std::int64_t> enclosed;

  template <class Archive>
  void serialize(Archive& ar) {
    ar(enclosed);
  }
};

TEST(OpenSessions, FindTheOnlyOneWithoutAName) {
  EXPECT_EQ(code_of(find_store("fields")), Errc::closed);
  std::optional<SessionFixture> one(std::in_place);
  const Key key = one->store().put("n", std::int64_t{7}).value();
  EXPECT_EQ(*find_store("fields").value().get<std::int64_t>(key).value(), 7);
  EXPECT_EQ(code_of(find_store("")), Errc::invalid_argument);
  EXPECT_EQ(code_of(find_store("fields", "other")), Errc::closed);
  one->session->close();
  EXPECT_EQ(code_of(find_store("fields")), Errc::closed);
  one.reset();
  EXPECT_EQ(code_of(find_store("fields")), Errc::closed);
}

TEST(OpenSessions, FindOneOfSeveralByItsName) {
  const SessionFixture one({}, named("simulation"));
  const SessionFixture other({}, named("analysis"));
  (void)one.store().put("n", std::int64_t{1}).value();
  (void)other.store().put("n", std::int64_t{2}).value();
  EXPECT_EQ(code_of(find_store("fields")), Errc::invalid_argument);
  EXPECT_EQ(*find_store("fields", "simulation").value().get<std::int64_t>("n").value(), 1);
  EXPECT_EQ(*find_store("fields", "analysis").value().get<std::int64_t>("n").value(), 2);
  const SessionFixture same({}, named("analysis"));
  EXPECT_EQ(code_of(find_store("fields", "analysis")), Errc::invalid_argument);
}

TEST(OpenSessions, TakeHandlesToTheSessionThatMadeThem) {
  const SessionFixture one;
  std::optional<SessionFixture> other(std::in_place);
  const Handle first = one.store().put_proxy(std::int64_t{1}).value().handle();
  const Handle second = other->store().put_proxy(std::int64_t{2}).value().handle();
  EXPECT_EQ(*proxy<std::int64_t>(first).get().value(), 1);
  EXPECT_EQ(*proxy<std::int64_t>(second).get().value(), 2);
  other.reset();
  EXPECT_EQ(code_of(proxy<std::int64_t>(second).get()), Errc::closed);
  EXPECT_EQ(proxy<std::int64_t>(second).handle(), second);
  Handle damaged = first;
  damaged.size_bytes ^= 1U;
  EXPECT_EQ(code_of(proxy<std::int64_t>(damaged).get()), Errc::invalid_argument);
}

TEST(OpenSessions, TakeStandInsInsideAStoredValueToTheirOwnSession) {
  const SessionFixture one;
  std::optional<SessionFixture> other(std::in_place);
  const auto enclosed = other->store().put_proxy(std::int64_t{42}).value();
  ASSERT_TRUE(one.store().put("letter", Letter{enclosed}));
  {
    const auto letter = one.store().get<Letter>("letter").value();
    EXPECT_EQ(*letter->enclosed.get().value(), 42);
  }
  const Handle handle = enclosed.handle();
  other.reset();
  const auto letter = one.store().get<Letter>("letter").value();
  EXPECT_EQ(letter->enclosed.handle(), handle);
  EXPECT_EQ(code_of(letter->enclosed.get()), Errc::invalid_argument) << "no session of this process made it";
}

TEST(OpenSessions, AreNotFoundInAForkedProcess) {
  const SessionFixture one({}, named("one"));
  const SessionFixture other({}, named("other"));
  const Store inherited = one.store();
  detail::hold_sessions();
  const ::pid_t child = ::fork();
  if (child == 0) {
    detail::disown_sessions();
    const bool is_found = code_of(find_store("fields", "other")) != Errc::closed;
    const bool is_open = code_of(inherited.get<int>("T")) != Errc::closed;
    const SessionFixture own({}, named("own"));
    const bool has_own = find_store("fields", "own").has_value();
    ::_exit(is_found || is_open || !has_own ? 1 : 0);
  }
  detail::release_sessions();
  ASSERT_GT(child, 0);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace locum
