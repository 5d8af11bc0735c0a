#include "transport/storage/zip/zip_writer.hpp"

#include <zlib.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"
#include "transport/storage/zip/zip_fields.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t zip_alignment = 64;
constexpr std::size_t zip_most_name_bytes = 65000;
constexpr std::uint16_t zip_version = 20;
constexpr std::uint16_t zip64_version = 45;
constexpr std::uint16_t zip_made_by_unix = 3U << 8U;
constexpr std::uint32_t zip_folder_attributes = 0040755U << 16U | 0x10U;  // the last one is of MS-DOS
constexpr std::uint16_t zip_first_date = 0x0021;                          // 1980-01-01
constexpr std::size_t zip64_sizes_bytes = 20;                             // extra field of a local header
constexpr std::size_t zip_crc_at = 14;                                    // in a local header

/// Returns the number, or the mark that a record of zip64 has it.
std::uint32_t zip_small_number(std::uint64_t number, bool is_large) {
  return is_large ? zip_beyond_32 : static_cast<std::uint32_t>(number);
}

/// Returns whether the member may need sizes of 64 bits, before it is written.
bool is_large_for_zip(std::uint64_t size_bytes, bool is_deflated) {
  // Deflate makes bytes that it cannot shorten longer by less than a thousandth.
  const std::uint64_t most = is_deflated ? size_bytes + size_bytes / 1000 + 1024 : size_bytes;
  return most >= zip_beyond_32;
}

}  // namespace

void ZipWriter::add_facts(std::vector<std::byte>& record, const Member& member) const {
  const bool is_ascii = std::ranges::all_of(member.name, [](char letter) { return letter > 0; });
  add_zip_number<std::uint16_t>(record, is_ascii ? 0 : zip_utf8_flag);
  add_zip_number(record, level_ > 0 ? zip_deflated : zip_stored);
  add_zip_number<std::uint16_t>(record, 0);  // time of day
  add_zip_number(record, zip_first_date);
  add_zip_number(record, member.crc);
  add_zip_number(record, zip_small_number(member.packed_bytes, member.is_large));
  add_zip_number(record, zip_small_number(member.bytes, member.is_large));
  add_zip_number(record, static_cast<std::uint16_t>(member.name.size()));
}

std::vector<std::byte> ZipWriter::local_header(const Member& member) const {
  std::vector<std::byte> extra;
  if (member.is_large) {
    add_zip_number(extra, zip64_extra_field);
    add_zip_number<std::uint16_t>(extra, zip64_sizes_bytes - 4);
    add_zip_number(extra, member.bytes);
    add_zip_number(extra, member.packed_bytes);
  }
  if (level_ == 0) {
    constexpr std::size_t least_bytes = 6;
    const std::uint64_t unpadded =
        member.at + zip_local_bytes + member.name.size() + extra.size() + least_bytes;
    const auto padding = static_cast<std::size_t>((zip_alignment - unpadded % zip_alignment) % zip_alignment);
    add_zip_number(extra, zip_alignment_extra_field);
    add_zip_number(extra, static_cast<std::uint16_t>(2 + padding));
    add_zip_number(extra, static_cast<std::uint16_t>(zip_alignment));
    extra.resize(extra.size() + padding);
  }
  std::vector<std::byte> header;
  add_zip_number(header, zip_local_signature);
  add_zip_number(header, member.is_large ? zip64_version : zip_version);
  add_facts(header, member);
  add_zip_number(header, static_cast<std::uint16_t>(extra.size()));
  const auto name = std::as_bytes(std::span(member.name));
  header.insert(header.end(), name.begin(), name.end());
  header.insert(header.end(), extra.begin(), extra.end());
  return header;
}

std::vector<std::byte> ZipWriter::entry(const Member& member) const {
  std::vector<std::byte> extra;
  const bool is_far = member.at >= zip_beyond_32;
  if (member.is_large || is_far) {
    add_zip_number(extra, zip64_extra_field);
    add_zip_number(extra, static_cast<std::uint16_t>((member.is_large ? 16 : 0) + (is_far ? 8 : 0)));
  }
  if (member.is_large) {
    add_zip_number(extra, member.bytes);
    add_zip_number(extra, member.packed_bytes);
  }
  if (is_far) {
    add_zip_number(extra, member.at);
  }
  const std::uint16_t version = extra.empty() ? zip_version : zip64_version;
  std::vector<std::byte> entry;
  add_zip_number(entry, zip_entry_signature);
  add_zip_number(entry, static_cast<std::uint16_t>(zip_made_by_unix | version));
  add_zip_number(entry, version);
  add_facts(entry, member);
  add_zip_number(entry, static_cast<std::uint16_t>(extra.size()));
  add_zip_number<std::uint16_t>(entry, 0);  // bytes of a comment
  add_zip_number<std::uint16_t>(entry, 0);  // number of the file of a split archive
  add_zip_number<std::uint16_t>(entry, 0);  // internal attributes
  add_zip_number(entry, member.is_folder ? zip_folder_attributes : std::uint32_t{mode_} << 16U);
  add_zip_number(entry, zip_small_number(member.at, is_far));
  const auto name = std::as_bytes(std::span(member.name));
  entry.insert(entry.end(), name.begin(), name.end());
  entry.insert(entry.end(), extra.begin(), extra.end());
  return entry;
}

Result<void> ZipWriter::begin(const std::string& name, std::uint64_t size_bytes) {
  return begin(name, size_bytes, false);
}

Result<void> ZipWriter::add_folder(const std::string& name) {
  auto begun = begin(name, 0, true);
  return begun ? end() : begun;
}

Result<void> ZipWriter::begin(const std::string& name, std::uint64_t size_bytes, bool is_folder) {
  if (name.empty() || name.size() > zip_most_name_bytes || name.ends_with('/') || !is_utf8(name) ||
      name.find('\0') != std::string::npos) {
    return Error(Errc::type_mismatch,
                 "the name " + quoted_name(name) +
                     " is none of a member of an archive: give it 1 to 65000 bytes of UTF-8 "
                     "without a zero, which do not end with '/'");
  }
  Member member;
  member.name = is_folder ? name + '/' : name;
  member.is_folder = is_folder;
  member.at = file_.size_bytes();
  member.bytes = size_bytes;
  member.is_large = is_large_for_zip(size_bytes, level_ > 0);
  const std::vector<std::byte> header = local_header(member);
  bytes_at_ = member.at + header.size();
  members_.push_back(std::move(member));
  deflater_ = level_ > 0 ? std::make_unique<ZipDeflater>(file_, level_) : nullptr;
  return file_.write(header);
}

Result<void> ZipWriter::write(std::span<const std::byte> bytes) {
  // In pieces, which are still in a cache of the processor when they are added up.
  constexpr std::size_t piece_bytes = std::size_t{1} << 20U;
  Member& member = members_.back();
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), piece_bytes));
    member.crc = static_cast<std::uint32_t>(
        ::crc32_z(member.crc, reinterpret_cast<const Bytef*>(piece.data()), piece.size()));
    if (auto written = deflater_ ? deflater_->write(piece) : file_.write(piece); !written) {
      return written;
    }
    bytes = bytes.subspan(piece.size());
  }
  return {};
}

Result<void> ZipWriter::end() {
  if (auto finished = deflater_ ? deflater_->finish() : Result<void>(); !finished) {
    return finished;
  }
  Member& member = members_.back();
  member.packed_bytes = file_.size_bytes() - bytes_at_;
  const std::vector<std::byte> header = local_header(member);
  return file_.write_at(member.at + zip_crc_at, std::span(header).subspan(zip_crc_at));
}

Result<void> ZipWriter::finish() {
  const std::uint64_t directory_at = file_.size_bytes();
  for (const Member& member : members_) {
    if (auto written = file_.write(entry(member)); !written) {
      return written;
    }
  }
  return write_end(directory_at);
}

Result<void> ZipWriter::write_end(std::uint64_t directory_at) {
  const std::uint64_t end_at = file_.size_bytes();
  const std::uint64_t directory_bytes = end_at - directory_at;
  const std::uint64_t count = members_.size();
  const bool has_many = count >= zip_beyond_16;
  std::vector<std::byte> record;
  if (has_many || directory_bytes >= zip_beyond_32 || directory_at >= zip_beyond_32) {
    add_zip_number(record, zip64_end_signature);
    add_zip_number<std::uint64_t>(record, zip64_end_bytes - 12);
    add_zip_number(record, static_cast<std::uint16_t>(zip_made_by_unix | zip64_version));
    add_zip_number(record, zip64_version);
    add_zip_number<std::uint32_t>(record, 0);  // number of this file of a split archive
    add_zip_number<std::uint32_t>(record, 0);  // number of the file with the directory
    add_zip_number(record, count);             // in this file
    add_zip_number(record, count);
    add_zip_number(record, directory_bytes);
    add_zip_number(record, directory_at);
    add_zip_number(record, zip64_locator_signature);
    add_zip_number<std::uint32_t>(record, 0);  // number of the file with the record above
    add_zip_number(record, end_at);
    add_zip_number<std::uint32_t>(record, 1);  // number of files
  }
  const auto few = has_many ? zip_beyond_16 : static_cast<std::uint16_t>(count);
  add_zip_number(record, zip_end_signature);
  add_zip_number<std::uint16_t>(record, 0);  // number of this file of a split archive
  add_zip_number<std::uint16_t>(record, 0);  // number of the file with the directory
  add_zip_number(record, few);               // in this file
  add_zip_number(record, few);
  add_zip_number(record, zip_small_number(directory_bytes, directory_bytes >= zip_beyond_32));
  add_zip_number(record, zip_small_number(directory_at, directory_at >= zip_beyond_32));
  add_zip_number<std::uint16_t>(record, 0);  // bytes of a comment
  return file_.write(record);
}

}  // namespace locum::storage
