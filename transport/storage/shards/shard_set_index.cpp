#include "transport/storage/shards/shard_set_index.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/unless_out_of_memory.hpp"

namespace locum::storage {

namespace {

constexpr const char* set_index_name = "shards.index";
constexpr std::string_view set_index_title = "locum shards 1\n";
constexpr std::string_view set_index_end = "crc32c ";
constexpr std::uint64_t most_set_index = std::uint64_t{1} << 30U;  ///< bytes; some ten million shards

/// Takes a number and the character behind it from the front of a text.
bool take_number(std::string_view& text, std::uint64_t& number, char behind) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto taken = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || taken >= text.size() || *end != behind) {
    return false;
  }
  text.remove_prefix(taken + 1);
  return true;
}

/// Returns what the file says; nothing if it cannot be read.
ShardFactsByKey facts_of(AreaFile& file, std::uint64_t most_bytes) {
  const auto all = file.size_bytes() <= std::min(most_bytes, most_set_index)
                       ? file.in_place()
                       : Result<FileBytes::InPlace>(FileBytes::InPlace());
  return all ? read_shard_set_index({reinterpret_cast<const char*>(all->bytes.data()), all->bytes.size()})
             : ShardFactsByKey();
}

std::span<const std::byte> bytes_of_text(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

std::string shard_set_index_text(const ShardFactsByKey& facts) {
  std::string text(set_index_title);
  for (const auto& [key, shard] : facts) {
    text += std::to_string(shard.samples) + ' ' + std::to_string(shard.bytes) + ' ' + key + '\n';
  }
  const std::uint32_t sum = checksum(bytes_of_text(text));
  return text + std::string(set_index_end) + std::to_string(sum) + '\n';
}

ShardFactsByKey read_shard_set_index(std::string_view text) {
  const std::size_t end = text.rfind(set_index_end);
  std::uint64_t sum = 0;
  std::string_view last = end == text.npos ? std::string_view() : text.substr(end + set_index_end.size());
  if (!text.starts_with(set_index_title) || !take_number(last, sum, '\n') || !last.empty() ||
      sum != checksum(bytes_of_text(text.substr(0, end)))) {
    return {};
  }
  text = text.substr(0, end);
  text.remove_prefix(set_index_title.size());
  ShardFactsByKey facts;
  while (!text.empty()) {
    ShardFacts shard;
    const bool has_numbers = take_number(text, shard.samples, ' ') && take_number(text, shard.bytes, ' ');
    const std::size_t line = text.find('\n');
    if (!has_numbers || line == text.npos) {
      return {};
    }
    shard.key = text.substr(0, line);
    text.remove_prefix(line + 1);
    facts.insert_or_assign(shard.key, shard);
  }
  return facts;
}

Result<ShardFactsByKey> ShardSetIndex::read(std::uint64_t most_bytes) const {
  const std::string path = UpdatedFile{.folder = folder_, .name = set_index_name}.path();
  return guarded([&]() -> Result<ShardFactsByKey> {
    const auto file = area_->open(path, {.tells_folders = false});
    return file ? facts_of(**file, most_bytes) : ShardFactsByKey();
  });
}

Result<void> ShardSetIndex::update(const ShardFactsByKey& added, std::span<const std::string> gone,
                                   Deadline deadline) const {
  const auto done = area_->update(
      {.folder = folder_, .name = set_index_name},
      [&](AreaFile* there, FileDraft& into) {
        return guarded([&]() -> Result<void> {
          ShardFactsByKey facts;
          if (there != nullptr) {
            facts = facts_of(*there, most_set_index);
          }
          for (const auto& [key, shard] : added) {
            facts.insert_or_assign(key, shard);
          }
          for (const std::string& key : gone) {
            facts.erase(key);
          }
          return into.write(bytes_of_text(shard_set_index_text(facts)));
        });
      },
      deadline);
  return done || done.error().code() == Errc::unsupported ? Result<void>() : done;
}

}  // namespace locum::storage
