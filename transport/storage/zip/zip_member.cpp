#include "transport/storage/zip/zip_member.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/array.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/zip/zip_fields.hpp"

namespace locum::storage {

namespace {

/// Bytes that are read at once: they are still in a cache of the processor when they are added up.
constexpr std::size_t zip_piece_bytes = std::size_t{1} << 18U;

Error unsupported_zip(const ZipEntry& entry, const std::string& reason) {
  return Error(Errc::unsupported,
               "at byte " + std::to_string(entry.at) + ": member " + quoted_name(entry.name) + " " + reason);
}

Result<void> check_zip_kind(const ZipEntry& entry) {
  if ((entry.flags & (zip_encrypted_flag | zip_strong_encryption_flag | zip_masked_flag)) != 0) {
    return unsupported_zip(entry, "is encrypted; save it without a password");
  }
  if ((entry.flags & zip_patch_flag) != 0) {
    return unsupported_zip(entry, "is a patch of another file, not a file");
  }
  if (entry.method != zip_stored && entry.method != zip_deflated) {
    return unsupported_zip(entry, "is compressed by method " + std::to_string(entry.method) +
                                      " of ZIP; only deflate (8) and none (0) can be read; make the archive "
                                      "with one of these");
  }
  return {};
}

}  // namespace

Result<std::uint64_t> zip_bytes_at(FileBytes& file, const ZipEntry& entry) {
  if (auto checked = check_zip_kind(entry); !checked) {
    return checked.error();
  }
  const auto wrong = [&entry](const std::string& reason) {
    return Error(Errc::corrupt, "at byte " + std::to_string(entry.at) + ": the header of member " +
                                    quoted_name(entry.name) + " " + reason + "; the file is damaged");
  };
  // The directory was checked: the member has at least these bytes.
  std::vector<std::byte> header(zip_local_bytes + entry.raw_name.size());
  if (auto read = file.read(entry.at, header); !read) {
    return read.error();
  }
  const auto name = std::as_bytes(std::span(entry.raw_name));
  if (zip_u32(header, 0) != zip_local_signature || zip_u16(header, 8) != entry.method ||
      zip_u16(header, 26) != entry.raw_name.size() ||
      !std::ranges::equal(name, std::span(header).subspan(zip_local_bytes))) {
    return wrong("is none, or that of another member than the directory says");
  }
  const auto contradicts = [](std::uint32_t number, std::uint64_t expected) {
    return number != zip_beyond_32 && number != expected;
  };
  const bool has_sizes = (zip_u16(header, 6) & zip_descriptor_flag) == 0;
  if (has_sizes &&
      (zip_u32(header, 14) != entry.crc || contradicts(zip_u32(header, 18), entry.packed_bytes) ||
       contradicts(zip_u32(header, 22), entry.bytes))) {
    return wrong("has other sizes, or another checksum, than the directory");
  }
  const std::uint64_t before = header.size() + zip_u16(header, 28);
  const std::uint64_t room = entry.end - entry.at;
  if (room < before || room - before < entry.packed_bytes) {
    return wrong("leaves too little room for its bytes");
  }
  return entry.at + before;
}

Result<std::unique_ptr<ZipMember>> ZipMember::open(FileBytes& file, const ZipEntry& entry) {
  const auto bytes_at = zip_bytes_at(file, entry);
  return bytes_at ? Result<std::unique_ptr<ZipMember>>(std::make_unique<ZipMember>(file, entry, *bytes_at))
                  : bytes_at.error();
}

ZipMember::ZipMember(FileBytes& file, const ZipEntry& entry, std::uint64_t bytes_at)
    : file_(file),
      bytes_at_(bytes_at),
      packed_bytes_(entry.packed_bytes),
      size_(entry.bytes),
      expected_(entry.crc),
      is_stored_(entry.method == zip_stored) {
  if (!is_stored_) {
    inflater_.emplace(file_, bytes_at_, packed_bytes_);
  }
}

Result<void> ZipMember::read(std::uint64_t offset, std::span<std::byte> into) {
  if (offset > size_ || into.size() > size_ - offset) {
    return Error(Errc::corrupt, "the member ends at its byte " + std::to_string(size_) + ", before byte " +
                                    std::to_string(offset) + " + " + std::to_string(into.size()));
  }
  if (auto skipped = skip_to(offset); !skipped) {
    return skipped;
  }
  return next(into);
}

Result<void> ZipMember::skip_to(std::uint64_t offset) {
  if (offset < read_) {
    read_ = 0;
    checksum_ = 0;
    if (!is_stored_) {
      inflater_.emplace(file_, bytes_at_, packed_bytes_);
    }
  }
  std::vector<std::byte> skipped(
      static_cast<std::size_t>(std::min<std::uint64_t>(zip_piece_bytes, offset - read_)));
  while (read_ < offset) {
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(skipped.size(), offset - read_));
    if (auto read = next(std::span(skipped).first(bytes)); !read) {
      return read;
    }
  }
  return {};
}

Result<void> ZipMember::next(std::span<std::byte> into) {
  while (!into.empty()) {
    const auto piece = into.first(std::min(into.size(), zip_piece_bytes));
    if (auto read = is_stored_ ? file_.read(bytes_at_ + read_, piece) : inflater_->next(piece); !read) {
      return read;
    }
    checksum_ = static_cast<std::uint32_t>(
        ::crc32_z(checksum_, reinterpret_cast<const Bytef*>(piece.data()), piece.size()));
    read_ += piece.size();
    into = into.subspan(piece.size());
  }
  return {};
}

Result<FileBytes::InPlace> ZipMember::in_place() {
  if (is_mapped()) {
    auto all = file_.in_place();
    if (!all) {
      return all;
    }
    if (all->bytes.size() < bytes_at_ || all->bytes.size() - bytes_at_ < size_) {
      return Error(Errc::corrupt, "at byte " + std::to_string(bytes_at_) +
                                      ": the file became shorter while it was loaded; load it again");
    }
    return InPlace{std::move(all->owner),
                   all->bytes.subspan(static_cast<std::size_t>(bytes_at_), static_cast<std::size_t>(size_))};
  }
  auto draft = ArrayDraft::make(ElementType::of<std::uint8_t>(), Extents(size_));
  if (!draft) {
    return draft.error();
  }
  if (auto filled = read(0, draft->bytes()); !filled) {
    return filled.error();
  }
  const Array bytes = std::move(*draft).finish();
  return InPlace{bytes.owner(), bytes.bytes()};
}

Result<void> ZipMember::check() {
  if (auto skipped = skip_to(size_); !skipped) {
    return skipped;
  }
  if (!is_stored_) {
    if (auto finished = inflater_->finish(); !finished) {
      return finished;
    }
  }
  if (checksum_ != expected_) {
    return Error(Errc::corrupt, "at byte " + std::to_string(bytes_at_) + ": the checksum of the member is " +
                                    std::to_string(checksum_) + ", not " + std::to_string(expected_) +
                                    " as the archive says; the file is damaged");
  }
  return {};
}

}  // namespace locum::storage
