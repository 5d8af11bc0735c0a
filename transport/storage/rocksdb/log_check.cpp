// The format of RocksDB's logs: https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format

#include "transport/storage/rocksdb/log_check.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
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
constexpr unsigned greatest_type = 4;
/// Greater by this are the types in a log that another program lets RocksDB recycle; there the number of the
/// log follows the header. This library lets it neither recycle nor compress logs.
constexpr unsigned recycled = 4;
constexpr std::size_t log_number_bytes = 4;
/// The type of the first record of a log that another program lets RocksDB compress.
constexpr unsigned says_compression = 9;

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

/// Of a record of that many bytes: whether its checksum is right, or it is not there as a whole.
bool may_be_sealed(std::span<const std::byte> block, std::size_t size) noexcept {
  return size > block.size() ||
         crc32c(block.subspan(type_at, size - type_at)) == unmasked(number_at(block, 0, length_at));
}

bool is_log(std::string_view name) noexcept {
  return name.ends_with(".log") || name.starts_with("MANIFEST-");
}

bool is_zero(std::span<const std::byte> bytes) noexcept {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

/// Walks through the records of a log, a block at a time.
class LogWalk {
 public:
  /// Of the log of that number.
  explicit LogWalk(std::uint32_t number) noexcept : number_(number) {}
  /// Whether RocksDB would drop records of this block, or those behind it, and say nothing.
  [[nodiscard]] bool is_damaged_in(std::span<const std::byte> block, bool is_last) noexcept {
    while (!has_ended_ && !is_foreign_ && block.size() >= header_bytes) {
      const std::uint32_t type = number_at(block, type_at, 1);
      const std::size_t length = number_at(block, length_at, 2);
      if (type == 0 && is_zero(block)) {
        has_ended_ = true;  // room that was never written
        return false;
      }
      const bool is_recycled = is_of_recycled(block, type);
      if (is_recycled || (is_first_ && type == says_compression)) {
        // What a recycled log had before follows its end, which damage cannot be told from.
        is_foreign_ = may_be_sealed(block, header_bytes + (is_recycled ? log_number_bytes : 0) + length);
        return !is_foreign_;
      }
      is_first_ = false;
      if (type == 0 || type > greatest_type) {
        return true;
      }
      if (header_bytes + length > block.size()) {
        return is_last && is_whole_but_shorter(block);  // elsewhere RocksDB reports it
      }
      block = block.subspan(header_bytes + length);
    }
    return has_ended_ && !is_zero(block);
  }

 private:
  [[nodiscard]] bool is_of_recycled(std::span<const std::byte> record, std::uint32_t type) const noexcept {
    return number_ != 0 && type > greatest_type && type <= greatest_type + recycled &&
           record.size() >= header_bytes + log_number_bytes &&
           number_at(record, header_bytes, log_number_bytes) == number_;
  }

  const std::uint32_t number_;
  bool has_ended_ = false;
  bool is_first_ = true;
  bool is_foreign_ = false;
};

/// The number in the name of a log, `000004.log`; 0 of other files, which are not recycled.
std::uint32_t number_of(const std::string& path) noexcept {
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  std::uint32_t number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

Result<void> check_log(const std::string& path) {
  const Descriptor file = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  struct stat facts {};
  if (!file.is_open() || ::fstat(file.number(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return {};  // RocksDB reports what it cannot open
  }
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  std::vector<std::byte> block(block_bytes);
  LogWalk walk(number_of(path));
  for (std::uint64_t begin = 0; begin < size; begin += block_bytes) {
    const auto wanted = std::span(block).first(std::min<std::uint64_t>(block_bytes, size - begin));
    const std::int64_t read = read_at(file, begin, wanted);
    if (read < 0) {
      return file_error("reading", path, static_cast<int>(-read));
    }
    if (walk.is_damaged_in(wanted.first(static_cast<std::size_t>(read)), begin + block_bytes >= size)) {
      return Error(Errc::corrupt,
                   "the log '" + path + "' of a RocksDB database is damaged in its block at byte " +
                       std::to_string(begin) +
                       "; take an earlier copy of the database, or repair it (`ldb repair`), which loses "
                       "what it cannot read");
    }
  }
  return {};
}

}  // namespace

Result<void> check_logs(const std::string& folder) {
  bool has_current = false;
  std::string content;  // a file that no new database has
  std::error_code failed;
  for (auto entry = std::filesystem::directory_iterator(folder, failed);
       !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    has_current = has_current || name == "CURRENT";
    if (name.ends_with(".log") || name.ends_with(".sst") || name.ends_with(".blob")) {
      content = name;
    }
    if (is_log(name)) {
      if (auto whole = check_log(entry->path().string()); !whole) {
        return whole;
      }
    }
  }
  if (!has_current && !content.empty()) {
    return Error(Errc::corrupt,
                 "the folder '" + folder + "' has the file '" + content +
                     "' of a RocksDB database, and no file CURRENT; copy the whole folder again");
  }
  return {};
}

}  // namespace locum::storage
