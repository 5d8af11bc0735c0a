#include "core/rpc/call_error.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/rpc/packed_error.hpp"
#include "tests/core/scarce_memory.hpp"

namespace locum {
namespace {

// The code of an error that is made while no allocation succeeds.
Errc without_memory(const std::function<Error()>& make) {
  call_error::prepare();
  tests::make_memory_scarce(0, 1'000);
  const Errc code = make().code();
  EXPECT_TRUE(tests::end_scarcity()) << "it allocates nothing";
  return code;
}

Errc told_without_memory(Errc code, bool at_length) {
  const std::string longer_than_any_short_text(100, 'x');
  const auto packed = at_length ? pack(Error(code, longer_than_any_short_text)) : std::vector<std::byte>();
  return without_memory([&] { return call_error::told(static_cast<std::uint8_t>(code), packed, 3); });
}

// `out_of_memory` would say that nothing was done.
TEST(CallError, LeavesOpenWhatWasDoneThoughThereIsNoMemoryToSayWhy) {
  for (const bool at_length : {false, true}) {
    EXPECT_EQ(told_without_memory(Errc::timeout, at_length), Errc::timeout);
    EXPECT_EQ(told_without_memory(Errc::peer_lost, at_length), Errc::peer_lost);
    EXPECT_EQ(told_without_memory(Errc::key_exists, at_length), Errc::out_of_memory);
  }
  const Error cause(Errc::closed, "it has closed");
  EXPECT_EQ(without_memory([&] { return call_error::closed_meanwhile(cause); }), Errc::peer_lost);
}

}  // namespace
}  // namespace locum
