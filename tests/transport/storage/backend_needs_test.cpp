// What a program needs of a backend, compared with what the backend can do.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/backend_session.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/lacking_backend.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

// Each need alone: a backend that lacks nothing else is refused for it and for no other, before it is asked
// for anything.
TEST(BackendNeeds, AreComparedWhenABackendIsOpened) {
  for (const Need& need : all_needs()) {
    SCOPED_TRACE(need.name);
    EXPECT_TRUE(open_session(std::make_shared<LackingBackend>(traits_without("")), {.needs = need.needs}));
    for (const Need& lacking : all_needs()) {
      const int calls = LackingBackend::calls;
      const auto opened =
          open_session(std::make_shared<LackingBackend>(traits_without(lacking.name)), {.needs = need.needs});
      if (lacking.name != need.name) {
        EXPECT_TRUE(opened) << opened.error();
        continue;
      }
      ASSERT_EQ(code_of(opened), Errc::unsupported);
      EXPECT_EQ(opened.error().text().find("lacking: " + need.refusal), 0U) << opened.error();
      EXPECT_EQ(LackingBackend::calls, calls);
    }
  }
  const auto on_a_host = std::make_shared<LackingBackend>(traits_without(""));
  const auto between = open_session(on_a_host, {.needs = {.shared_by = SharedBy::hosts}});
  ASSERT_EQ(code_of(between), Errc::unsupported);
  EXPECT_NE(between.error().text().find("is not shared between hosts"), std::string::npos) << between.error();
  EXPECT_EQ(code_of(open("memory:", {.needs = {.is_durable = true}})), Errc::unsupported);
  EXPECT_TRUE(open("memory:", {.needs = {.lists = true, .pushes = true, .in_place = true}}));
  EXPECT_EQ(code_of(open_session("simple:").value().open("s", {.needs = {.lists = true}})),
            Errc::invalid_argument)
      << "a session has them for all of its stores";
}

}  // namespace
}  // namespace locum::tests
