#include "transport/storage/zip/zip_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <unordered_set>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"
#include "transport/storage/zip/zip_fields.hpp"

namespace locum::storage {

namespace {

/// Deflate makes at most 1032 bytes of one.
constexpr std::uint64_t zip_most_growth = 1032;
constexpr std::uint64_t zip_most_comment = 65535;

Error wrong_zip(std::uint64_t at, std::string_view reason) {
  return Error(Errc::corrupt, "at byte " + std::to_string(at) + ": " + std::string(reason) +
                                  "; the file is damaged, or no archive of ZIP");
}

/// The records at the end of an archive.
struct ZipEnd {
  std::uint64_t entries = 0;
  std::uint64_t directory_at = 0;
  std::uint64_t directory_bytes = 0;
};

/// The last bytes of a file.
struct ZipTail {
  std::uint64_t at = 0;
  std::vector<std::byte> bytes;
  std::size_t end = 0;  ///< where the end record begins among them
};

Error split_zip(std::uint64_t at) {
  return Error(Errc::unsupported, "at byte " + std::to_string(at) +
                                      ": the archive is split into several files; join them into one");
}

/// Returns where the end record is in the tail; nothing if there is none.
std::optional<std::size_t> find_zip_end(std::span<const std::byte> tail) {
  for (std::size_t at = tail.size() < zip_end_bytes ? 0 : tail.size() - zip_end_bytes + 1; at-- > 0;) {
    if (zip_u32(tail, at) == zip_end_signature &&
        zip_u16(tail, at + 20) == tail.size() - at - zip_end_bytes) {
      return at;
    }
  }
  return std::nullopt;
}

/// Replaces numbers of the end record by those of zip64, if the archive has that.
Result<void> read_zip64_end(FileBytes& file, std::span<const std::byte> locator, std::uint64_t locator_at,
                            std::span<const std::byte> end, ZipEnd& found, std::uint64_t& end_at) {
  const std::uint64_t record_at = zip_u64(locator, 8);
  if (zip_u32(locator, 4) != 0 || zip_u32(locator, 16) > 1) {
    return split_zip(locator_at);
  }
  if (record_at > locator_at || locator_at - record_at < zip64_end_bytes) {
    return wrong_zip(locator_at, "the 64-bit end record of the archive is not in front of this one");
  }
  std::vector<std::byte> record(zip64_end_bytes);
  if (auto read = file.read(record_at, record); !read) {
    return read.error();
  }
  if (zip_u32(record, 0) != zip64_end_signature || zip_u64(record, 4) != locator_at - record_at - 12) {
    return wrong_zip(record_at, "there is no 64-bit end record of an archive");
  }
  if (zip_u32(record, 16) != 0 || zip_u32(record, 20) != 0 || zip_u64(record, 24) != zip_u64(record, 32)) {
    return split_zip(record_at);
  }
  found = {zip_u64(record, 32), zip_u64(record, 48), zip_u64(record, 40)};
  const auto contradicts = [](std::uint64_t small, std::uint64_t beyond, std::uint64_t large) {
    return small != beyond && small != large;
  };
  if (contradicts(zip_u16(end, 10), zip_beyond_16, found.entries) ||
      contradicts(zip_u32(end, 12), zip_beyond_32, found.directory_bytes) ||
      contradicts(zip_u32(end, 16), zip_beyond_32, found.directory_at)) {
    return wrong_zip(record_at, "the end records of the archive contradict each other");
  }
  end_at = record_at;
  return {};
}

/// Reads the end of a file, and finds the end record there.
Result<ZipTail> read_zip_tail(FileBytes& file) {
  const std::uint64_t size = file.size_bytes();
  ZipTail tail;
  // A comment may be behind the record; mostly there is none.
  for (const std::uint64_t comment : {std::uint64_t{1024}, zip_most_comment}) {
    const std::uint64_t most = zip64_locator_bytes + zip_end_bytes + comment;
    tail.bytes.resize(static_cast<std::size_t>(std::min(size, most)));
    tail.at = size - tail.bytes.size();
    if (auto read = file.read(tail.at, tail.bytes); !read) {
      return read.error();
    }
    if (const auto found = find_zip_end(tail.bytes);
        found && (*found >= zip64_locator_bytes || tail.bytes.size() == size)) {
      tail.end = *found;
      return tail;
    }
  }
  return wrong_zip(size, "the file does not end with the end record of an archive");
}

Result<ZipEnd> read_zip_end(FileBytes& file) {
  const auto tail = read_zip_tail(file);
  if (!tail) {
    return tail.error();
  }
  const auto end = std::span<const std::byte>(tail->bytes).subspan(tail->end, zip_end_bytes);
  std::uint64_t end_at = tail->at + tail->end;
  ZipEnd records{zip_u16(end, 10), zip_u32(end, 16), zip_u32(end, 12)};
  const auto locator = std::span<const std::byte>(tail->bytes).first(tail->end);
  if (tail->end >= zip64_locator_bytes &&
      zip_u32(locator, tail->end - zip64_locator_bytes) == zip64_locator_signature) {
    const std::uint64_t locator_at = end_at - zip64_locator_bytes;
    if (auto read = read_zip64_end(file, locator.last(zip64_locator_bytes), locator_at, end, records, end_at);
        !read) {
      return read.error();
    }
  } else if (zip_u16(end, 4) != 0 || zip_u16(end, 6) != 0 || zip_u16(end, 8) != zip_u16(end, 10)) {
    return split_zip(end_at);
  }
  if (records.directory_at > end_at || end_at - records.directory_at != records.directory_bytes) {
    return wrong_zip(end_at, "the directory of the archive does not end where its end record begins");
  }
  if (records.entries > records.directory_bytes / zip_entry_bytes) {
    return wrong_zip(end_at, "the directory of the archive is too short for its " +
                                 std::to_string(records.entries) + " members");
  }
  return records;
}

/// Replaces sizes and the place of a member by those of the 64-bit extra field.
/// \param disk becomes the number of the file of a split archive
bool read_zip64_extra(std::span<const std::byte> extra, ZipEntry& entry, std::uint32_t& disk) {
  const bool needs_bytes = entry.bytes == zip_beyond_32;
  const bool needs_packed = entry.packed_bytes == zip_beyond_32;
  const bool needs_at = entry.at == zip_beyond_32;
  bool is_missing = needs_bytes || needs_packed || needs_at || disk == zip_beyond_16;
  while (extra.size() >= 4) {
    const std::uint16_t kind = zip_u16(extra, 0);
    const std::size_t size = zip_u16(extra, 2);
    if (size > extra.size() - 4) {
      return false;
    }
    auto field = extra.subspan(4, size);
    extra = extra.subspan(4 + size);
    if (kind != zip64_extra_field || !is_missing) {
      continue;
    }
    const auto take = [&field](bool is_needed, std::uint64_t& number) {
      if (is_needed && field.size() < 8) {
        return false;
      }
      if (is_needed) {
        number = zip_u64(field, 0);
        field = field.subspan(8);
      }
      return true;
    };
    if (!take(needs_bytes, entry.bytes) || !take(needs_packed, entry.packed_bytes) ||
        !take(needs_at, entry.at) || (disk == zip_beyond_16 && field.size() < 4)) {
      return false;
    }
    disk = disk == zip_beyond_16 ? zip_u32(field, 0) : disk;
    is_missing = false;
  }
  // Some programs fill the extra fields with zeros. A size of 2^32 - 1 may be meant.
  return true;
}

/// Reads an entry, and removes it from the directory. \param at where it is in the file
Result<ZipEntry> take_zip_entry(std::span<const std::byte>& directory, std::uint64_t at) {
  if (directory.size() < zip_entry_bytes || zip_u32(directory, 0) != zip_entry_signature) {
    return wrong_zip(at, "there is no entry of the directory of an archive");
  }
  const std::size_t name_bytes = zip_u16(directory, 28);
  const std::size_t extra_bytes = zip_u16(directory, 30);
  const std::size_t comment_bytes = zip_u16(directory, 32);
  if (name_bytes + extra_bytes + comment_bytes > directory.size() - zip_entry_bytes) {
    return wrong_zip(at, "an entry of the directory is longer than that");
  }
  ZipEntry entry;
  entry.flags = zip_u16(directory, 8);
  entry.method = zip_u16(directory, 10);
  entry.crc = zip_u32(directory, 16);
  entry.packed_bytes = zip_u32(directory, 20);
  entry.bytes = zip_u32(directory, 24);
  entry.at = zip_u32(directory, 42);
  entry.raw_name.assign(reinterpret_cast<const char*>(directory.data()) + zip_entry_bytes, name_bytes);
  std::uint32_t disk = zip_u16(directory, 34);
  const bool has_sizes =
      read_zip64_extra(directory.subspan(zip_entry_bytes + name_bytes, extra_bytes), entry, disk);
  directory = directory.subspan(zip_entry_bytes + name_bytes + extra_bytes + comment_bytes);
  if (!has_sizes) {
    return wrong_zip(at, "the 64-bit sizes of a member are incomplete");
  }
  if (disk != 0) {
    return split_zip(at);
  }
  const bool is_utf8_name = (entry.flags & zip_utf8_flag) != 0;
  if (entry.raw_name.find('\0') != std::string::npos || (is_utf8_name && !is_utf8(entry.raw_name))) {
    return wrong_zip(at, "the name of a member has wrong characters");
  }
  entry.name = is_utf8_name ? entry.raw_name : from_code_page_437(entry.raw_name);
  const bool is_plain = (entry.flags & zip_encrypted_flag) == 0;
  const bool is_too_large =
      entry.method == zip_deflated && entry.bytes / zip_most_growth > entry.packed_bytes;
  if (is_too_large || (entry.method == zip_stored && is_plain && entry.bytes != entry.packed_bytes)) {
    return wrong_zip(at, "member " + quoted_name(entry.name) + " is said to have " +
                             std::to_string(entry.bytes) + " bytes, which its " +
                             std::to_string(entry.packed_bytes) + " bytes in the file cannot become");
  }
  return entry;
}

/// Sets the end of each member.
Result<void> set_zip_ends(std::vector<ZipEntry>& entries, std::uint64_t directory_at) {
  std::vector<std::size_t> order(entries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&entries](std::size_t index) { return entries[index].at; });
  for (std::size_t place = 0; place < order.size(); ++place) {
    ZipEntry& entry = entries[order[place]];
    entry.end = place + 1 < order.size() ? entries[order[place + 1]].at : directory_at;
    const std::uint64_t local_bytes = zip_local_bytes + entry.raw_name.size();
    if (entry.end > directory_at || entry.at > entry.end || entry.end - entry.at < local_bytes ||
        entry.end - entry.at - local_bytes < entry.packed_bytes) {
      return wrong_zip(entry.at,
                       "member " + quoted_name(entry.name) + " overlaps what follows it in the archive");
    }
  }
  return {};
}

}  // namespace

Result<std::vector<ZipEntry>> read_zip_directory(FileBytes& file, ZipNames names) {
  const auto end = read_zip_end(file);
  if (!end) {
    return end.error();
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(end->directory_bytes));
  if (auto read = file.read(end->directory_at, bytes); !read) {
    return read.error();
  }
  std::vector<ZipEntry> entries;
  entries.reserve(static_cast<std::size_t>(end->entries));
  std::unordered_set<std::string> seen;
  std::span<const std::byte> left = bytes;
  for (std::uint64_t count = 0; count < end->entries; ++count) {
    const std::uint64_t at = end->directory_at + bytes.size() - left.size();
    auto entry = take_zip_entry(left, at);
    if (!entry) {
      return entry.error();
    }
    if (names == ZipNames::unique && !seen.insert(entry->name).second) {
      return wrong_zip(at, "the archive has two members of the name " + quoted_name(entry->name));
    }
    entries.push_back(std::move(*entry));
  }
  if (!left.empty()) {
    return wrong_zip(
        end->directory_at + bytes.size() - left.size(),
        "the directory of the archive has more than its " + std::to_string(end->entries) + " entries");
  }
  if (auto set = set_zip_ends(entries, end->directory_at); !set) {
    return set.error();
  }
  return entries;
}

}  // namespace locum::storage
