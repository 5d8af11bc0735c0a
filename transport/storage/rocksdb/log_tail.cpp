// The format of RocksDB's logs: https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format

#include "transport/storage/rocksdb/log_tail.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/base/checksum.hpp"
#include "transport/storage/file_calls.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t block_bytes = 32768;
/// The checksum of what follows the length, the length in 2 bytes, the type in 1.
constexpr std::size_t header_bytes = 7;
constexpr std::size_t length_at = 4;
constexpr std::size_t type_at = 6;
constexpr unsigned greatest_type = 8;

std::uint32_t number_at(std::span<const std::byte> bytes, std::size_t at, std::size_t size) noexcept {
  std::uint32_t number = 0;
  for (std::size_t byte = size; byte-- > 0;) {
    number = (number << 8U) | std::to_integer<std::uint32_t>(bytes[at + byte]);
  }
  return number;
}

// RocksDB stores checksums rotated, and a constant added.
std::uint32_t unmasked(std::uint32_t stored) noexcept {
  const std::uint32_t rotated = stored - 0xa282ead8U;
  return (rotated >> 17U) | (rotated << 15U);
}

bool may_begin_record(std::span<const std::byte> rest) noexcept {
  return rest.size() < header_bytes || number_at(rest, type_at, 1) <= greatest_type;
}

// Any shorter length for which the checksum is right was the record's.
bool is_whole_but_shorter(std::span<const std::byte> record) noexcept {
  const std::uint32_t sealed = unmasked(number_at(record, 0, length_at));
  std::uint32_t found = 0;
  for (std::size_t end = type_at; end < record.size(); ++end) {
    found = crc32c(record.subspan(end, 1), found);
    if (found == sealed && may_begin_record(record.subspan(end + 1))) {
      return true;
    }
  }
  return false;
}

bool is_log(std::string_view name) noexcept {
  return name.ends_with(".log") || name.starts_with("MANIFEST-");
}

Result<void> check_log_tail(const std::string& path) {
  const Descriptor file = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  struct stat facts {};
  if (!file.is_open() || ::fstat(file.number(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return {};  // RocksDB reports what it cannot open
  }
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  const std::uint64_t begin = size == 0 ? 0 : (size - 1) / block_bytes * block_bytes;
  std::vector<std::byte> block(size - begin);
  const std::int64_t read = read_at(file, begin, block);
  if (read < 0) {
    return file_error("reading", path, static_cast<int>(-read));
  }
  if (has_damaged_length(std::span(block).first(static_cast<std::size_t>(read)))) {
    return Error(Errc::corrupt,
                 "the log '" + path +
                     "' of a RocksDB database is damaged near its end; take an earlier copy of "
                     "the database, or remove it");
  }
  return {};
}

}  // namespace

bool has_damaged_length(std::span<const std::byte> last_block) noexcept {
  while (last_block.size() >= header_bytes) {
    const std::size_t length = number_at(last_block, length_at, 2);
    if (header_bytes + length > last_block.size()) {
      return is_whole_but_shorter(last_block);
    }
    last_block = last_block.subspan(header_bytes + length);
  }
  return false;
}

Result<void> check_log_tails(const std::string& folder) {
  std::error_code failed;
  for (auto entry = std::filesystem::directory_iterator(folder, failed);
       !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
    if (is_log(entry->path().filename().string())) {
      if (auto whole = check_log_tail(entry->path().string()); !whole) {
        return whole;
      }
    }
  }
  return {};
}

}  // namespace locum::storage
