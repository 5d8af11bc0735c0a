#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "core/open_sessions.hpp"
#include "core/serializers.hpp"
#include "tests/shm/child.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {

/// Puts objects into a store by URL in one process, and resolves name and handle in another after its end.
inline void expect_handles_in_the_next_process(const std::string& url) {
  const Ending first = in_child([&] {
    const Store store = open(url).value();
    (void)store.put("named", std::string("value")).value();
    const Handle handle = store.put_proxy(std::vector<double>(10'000, 2.5)).value().handle();
    return std::string(reinterpret_cast<const char*>(&handle), sizeof handle);
  });
  ASSERT_EQ(first.exit_code, 0) << first.said;
  ASSERT_EQ(first.said.size(), sizeof(Handle));
  const Ending second = in_child([&] {
    const Store store = open(url).value();
    const auto named = store.get<std::string>("named").value();
    EXPECT_EQ(*named, "value");
    Handle handle;
    std::memcpy(&handle, first.said.data(), sizeof handle);
    const auto values = proxy<std::vector<double>>(handle);
    EXPECT_EQ(*values, std::vector<double>(10'000, 2.5));
    return std::string();
  });
  EXPECT_EQ(second.exit_code, 0) << second.said;
}

}  // namespace locum::tests
