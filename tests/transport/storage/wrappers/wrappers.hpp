#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/wrappers/probe_backend.hpp"

namespace locum::tests {

using Names = std::vector<std::string>;

/// Tests of wrappers over a backend that tells what it was asked for.
class Wrappers : public ::testing::Test {
 protected:
  static Deadline soon() { return std::chrono::seconds(60); }
  static NewRecord record(std::string_view text, std::uint64_t revision = 1) {
    NewRecord made;
    made.bytes = std::as_bytes(std::span(text));
    made.revision = revision;
    return made;
  }
  static std::string text_of(const Result<LoadedRecord>& loaded) {
    return loaded ? std::string(reinterpret_cast<const char*>(loaded->bytes.data()), loaded->bytes.size())
                  : std::string(to_string(loaded.error().code()));
  }
  static std::string load(Backend& from, const RecordKey& key) {
    return text_of(from.load(key, whole_record, soon()));
  }
  static bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }
  /// What stands there below the wrappers.
  [[nodiscard]] std::string kept(const RecordKey& key) const { return load(probe_->kept(), key); }
  /// Puts other bytes there.
  void keep(const RecordKey& key, std::string_view bytes) const {
    ASSERT_TRUE(probe_->kept().store(key, record(bytes), soon()));
  }
  /// Every byte of what stands there is changed, and every length cut: an error each time.
  void expect_damage_is_found(Backend& backend, const RecordKey& key) const {
    const std::string right = kept(key);
    const std::string value = load(backend, key);
    for (std::size_t at = 0; at < right.size(); ++at) {
      for (const int mask : {0x01, 0x80, 0xFF}) {
        std::string wrong = right;
        wrong[at] = static_cast<char>(wrong[at] ^ mask);
        keep(key, wrong);
        const auto loaded = backend.load(key, whole_record, soon());
        ASSERT_EQ(code_of(loaded), Errc::corrupt) << at << ' ' << text_of(loaded);
        EXPECT_EQ(loaded.error().key(), key.name);
      }
      keep(key, std::string_view(right).substr(0, at));
      ASSERT_EQ(code_of(backend.load(key, whole_record, soon())), Errc::corrupt) << at;
    }
    keep(key, right + '\0');
    EXPECT_EQ(code_of(backend.load(key, 0, soon())), Errc::corrupt);
    keep(key, right);
    EXPECT_EQ(load(backend, key), value);
  }
  [[nodiscard]] bool has(std::string_view url) const { return wrapped(url, probe_).has_value(); }
  [[nodiscard]] std::shared_ptr<Backend> over(std::string_view url) const {
    return wrapped(url, probe_).value();
  }

  const std::shared_ptr<ProbeBackend> probe_ = std::make_shared<ProbeBackend>();
};

}  // namespace locum::tests
