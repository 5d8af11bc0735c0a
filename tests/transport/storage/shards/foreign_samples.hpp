#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <complex>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/record.hpp"
#include "core/url.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/files/plain_bytes.hpp"
#include "transport/storage/json/text.hpp"
#include "transport/storage/shards/formats/foreign_shards.hpp"

namespace locum::tests {

inline std::shared_ptr<storage::FileArea> area_of(const std::string& folder) {
  return storage::open_folder_area(parse_url("file://" + folder + "?sync=0").value()).value();
}

inline void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}
inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Returns a number as bytes, the least significant first.
inline std::string little(std::uint64_t number, std::size_t bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes; ++at) {
    text += static_cast<char>(static_cast<unsigned char>(number >> 8 * at & 0xFFU));
  }
  return text;
}

/// Returns the sum of RFC 1952, bit by bit.
inline std::uint32_t crc_of(std::string_view text) {
  std::uint32_t sum = 0xFFFFFFFFU;
  for (const char byte : text) {
    sum ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      sum = (sum >> 1U) ^ ((sum & 1U) != 0 ? 0xEDB88320U : 0U);
    }
  }
  return ~sum;
}

/// Returns a member of gzip as RFC 1951 and 1952 describe it, whose blocks are stored as they are.
inline std::string stored_gzip(std::string_view plain, std::size_t block_bytes = 1000) {
  std::string coded("\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\xFF", 10);
  std::string_view left = plain;
  do {
    const std::string_view block = left.substr(0, block_bytes);
    left.remove_prefix(block.size());
    coded += left.empty() ? '\1' : '\0';
    coded += little(block.size(), 2) + little(~block.size(), 2);
    coded += block;
  } while (!left.empty());
  return coded + little(crc_of(plain), 4) + little(plain.size(), 4);
}

/// Returns a value in a form that JSON holds: arrays, bytes and complex numbers as members that say so.
inline Record plain_form(const Record& value) {
  switch (value.kind()) {
    case Record::Kind::bytes:
      return {{"bytes", storage::base64_of(value.bytes())}};
    case Record::Kind::complex: {
      const auto number = value.as<std::complex<double>>().value();
      return {{"complex", Record::list({number.real(), number.imag()})}};
    }
    case Record::Kind::array: {
      const Array packed = value.array().packed().value();
      Record::List extents;
      for (const std::uint64_t extent : packed.extents().span()) {
        extents.emplace_back(extent);
      }
      return {{"array", packed.element().name()},
              {"extents", Record::list(std::move(extents))},
              {"values", storage::base64_of(packed.bytes())}};
    }
    case Record::Kind::list: {
      Record::List list;
      for (const Record& one : value.list()) {
        list.push_back(plain_form(one));
      }
      return Record::list(std::move(list));
    }
    case Record::Kind::members: {
      RecordMembers members;
      for (const auto& [name, one] : value.members()) {
        members.set(name, plain_form(one));
      }
      return Record(std::move(members));
    }
    default:
      return value;
  }
}

/// Returns all samples of a shard, in order. The error of the first step that failed.
inline Result<std::vector<Record>> samples_of(ShardSource& source, const std::string& key) {
  const auto shard = source.open(key, {});
  if (!shard) {
    return shard.error();
  }
  std::vector<Record> samples;
  for (std::uint64_t number = 0; number < (*shard)->count(); ++number) {
    auto sample = (*shard)->sample(number, {});
    if (!sample) {
      return sample.error();
    }
    samples.push_back(std::move(*sample->record));
  }
  return samples;
}

/// Returns the samples of the only shard in a folder.
inline Result<std::vector<Record>> only_samples(const std::string& folder, std::string_view format = {}) {
  const auto source = storage::open_foreign_shards(area_of(folder), "", format);
  if (!source) {
    return source.error();
  }
  const auto keys = (*source)->keys({}, 10, {});
  if (!keys) {
    return keys.error();
  }
  EXPECT_EQ(keys->size(), 1U);
  return samples_of(**source, keys->front());
}

/// Expects that samples in any order are those of an iteration.
inline void expect_any_order(ShardSource& source, const std::string& key, std::uint32_t seed = 7) {
  const auto expected = samples_of(source, key);
  ASSERT_TRUE(expected) << expected.error();
  const auto shard = source.open(key, {}).value();
  ASSERT_EQ(shard->count(), expected->size());
  std::mt19937 random(seed);
  std::vector<std::uint64_t> order;
  for (std::uint64_t number = 0; number < shard->count(); ++number) {
    order.push_back(number);
    order.push_back(random() % shard->count());
  }
  std::ranges::shuffle(order, random);
  for (const std::uint64_t number : order) {
    const auto sample = shard->sample(number, {});
    ASSERT_TRUE(sample) << sample.error();
    ASSERT_EQ(*sample->record, (*expected)[number]) << number;
  }
}

/// Returns an area in memory, for tests with thousands of files.
inline std::shared_ptr<storage::FileArea> memory_area() {
  return storage::open_store_area(parse_url("memory:").value()).value();
}
inline void put_file(storage::FileArea& area, const std::string& path, std::string_view bytes) {
  const auto draft = area.create(path).value();
  ASSERT_TRUE(draft->write(std::as_bytes(std::span(bytes))));
  ASSERT_TRUE(draft->publish());
}

/// Damages a file in every way that is quick: each prefix, each byte flipped, random bytes in random places,
/// nothing but random bytes. `check` is called for each, with the size if it is a prefix.
template <class Check>
void damage(storage::FileArea& area, const std::string& path, const std::string& whole, int random_ones,
            Check check) {
  std::mt19937 random(11);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    put_file(area, path, std::string_view(whole).substr(0, size));
    check("the first " + std::to_string(size) + " bytes", std::optional(size));
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned mask : {0xFFU, 1U << (at % 8)}) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(static_cast<unsigned char>(flipped[at]) ^ mask);
      put_file(area, path, flipped);
      check("byte " + std::to_string(at), std::optional<std::size_t>());
    }
  }
  for (int turn = 0; turn < random_ones; ++turn) {
    std::string wild = turn % 3 == 0 ? std::string(random() % 600, '\0') : whole;
    const std::size_t changes = turn % 3 == 0 ? wild.size() : 1 + random() % 8;
    for (std::size_t change = 0; change < changes && !wild.empty(); ++change) {
      wild[turn % 3 == 0 ? change : random() % wild.size()] = static_cast<char>(random() & 0xFFU);
    }
    put_file(area, path, wild);
    check("random bytes, turn " + std::to_string(turn), std::optional<std::size_t>());
  }
}

inline bool has_gzip() {
  class Nowhere final : public FileDraft {
    Result<void> write(std::span<const std::byte> /*bytes*/) override { return {}; }
    Result<void> write_at(std::uint64_t /*offset*/, std::span<const std::byte> /*bytes*/) override {
      return {};
    }
    [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return 0; }
  };
  Nowhere nowhere;
  return static_cast<bool>(storage::begin_gzip(nowhere, 1));
}
inline constexpr const char* no_gzip = "this build has no zlib";

}  // namespace locum::tests
