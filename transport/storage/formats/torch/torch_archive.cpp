#include "transport/storage/formats/torch/torch_archive.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/zip/zip_fields.hpp"

namespace locum::storage {

namespace {

/// A value of the pickle takes up to a hundred times the memory of its instruction.
constexpr std::uint64_t most_pickle_bytes = std::uint64_t{64} << 20U;

std::string_view torch_text_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

bool is_early_torch(std::span<const std::byte> first) noexcept {
  // A pickle of protocol 2 or later, of an integer of ten bytes that torch chose.
  constexpr std::string_view number = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  const std::string_view text = torch_text_of(first);
  const bool is_pickle = text.size() > 14 && text[0] == '\x80' && text.substr(2, 2) == "\x8a\x0a" &&
                         text.substr(4, number.size()) == number;
  const bool is_tar = text.size() > 262 && text.substr(257, 5) == "ustar";
  return is_pickle || is_tar;
}

Result<TorchArchive> TorchArchive::open(FileBytes& file) {
  std::array<std::byte, 512> begin{};
  const std::span<std::byte> first = std::span(begin).first(
      static_cast<std::size_t>(std::min<std::uint64_t>(begin.size(), file.size_bytes())));
  if (auto read = file.read(0, first); !read) {
    return read.error();
  }
  if (is_early_torch(first)) {
    return Error(
        Errc::unsupported,
        "at byte 0: the file is a pickle or a tar archive, as torch wrote checkpoints before version "
        "1.6; load it in Python with torch.load and save it with torch.save");
  }
  if (first.size() < 4 || torch_text_of(first.first(4)) != "PK\x03\x04") {
    return Error(Errc::corrupt,
                 "at byte 0: the file is no archive of ZIP, as the checkpoints of torch are; is it one?");
  }
  TorchArchive archive(file);
  auto entries = read_zip_directory(file);
  if (!entries) {
    return entries.error();
  }
  archive.entries_ = std::move(*entries);
  if (auto found = archive.find_folder(); !found) {
    return found.error();
  }
  if (auto read = archive.read_pickle(); !read) {
    return read.error();
  }
  if (auto read = archive.read_byte_order(); !read) {
    return read.error();
  }
  return archive;
}

Result<void> TorchArchive::find_folder() {
  constexpr std::string_view pickle = "/data.pkl";
  for (std::size_t at = 0; at < entries_.size(); ++at) {
    const std::string_view name = entries_[at].name;
    places_.emplace(name, at);
    if (folder_.empty() && name.ends_with(pickle) && name.find('/') == name.size() - pickle.size()) {
      folder_ = name.substr(0, name.size() - pickle.size() + 1);
    }
  }
  if (folder_.empty()) {
    return Error(Errc::corrupt,
                 "the archive has no member NAME/data.pkl, as the checkpoints of torch have; is it one?");
  }
  const bool has_code = std::ranges::any_of(
      entries_, [this](const ZipEntry& entry) { return entry.name.starts_with(folder_ + "code/"); });
  if (has_code || find("constants.pkl") != nullptr) {
    return Error(Errc::unsupported,
                 "the file is a program (TorchScript), not a checkpoint; save its state_dict with "
                 "torch.save");
  }
  return {};
}

Result<void> TorchArchive::read_pickle() {
  const ZipEntry& entry = *find("data.pkl");
  if (entry.bytes > most_pickle_bytes) {
    return Error(Errc::unsupported, "data.pkl has " + std::to_string(entry.bytes) +
                                        " bytes, more than 64 MiB; tensors are not in it: save lists of "
                                        "numbers as tensors");
  }
  if (entry.method != zip_stored) {
    return Error(Errc::unsupported,
                 "data.pkl is compressed, which torch does not do; save the file with torch.save");
  }
  const auto member = ZipMember::open(*file_, entry);
  if (!member) {
    return member.error();
  }
  pickle_.resize(static_cast<std::size_t>(entry.bytes));
  if (auto read = (*member)->read(0, pickle_); !read) {
    return read;
  }
  return (*member)->check();
}

Result<void> TorchArchive::read_byte_order() {
  const ZipEntry* const entry = find("byteorder");
  if (entry == nullptr) {
    return {};  // before version 2.1 of torch: little-endian
  }
  std::array<std::byte, 8> bytes{};
  const std::span<std::byte> order = std::span(bytes).first(std::min<std::size_t>(
      bytes.size(), static_cast<std::size_t>(std::min<std::uint64_t>(entry->bytes, bytes.size()))));
  const auto member = ZipMember::open(*file_, *entry);
  if (!member) {
    return member.error();
  }
  if (auto read = (*member)->read(0, order); !read) {
    return read;
  }
  if (auto checked = (*member)->check(); !checked) {
    return checked;
  }
  is_big_endian_ = torch_text_of(order) == "big";
  if (!is_big_endian_ && torch_text_of(order) != "little") {
    return Error(Errc::corrupt, "at byte " + std::to_string(entry->at) +
                                    ": the member byteorder is neither \"little\" nor \"big\"; the file is "
                                    "damaged");
  }
  return {};
}

const ZipEntry* TorchArchive::find(std::string_view name) const {
  const auto found = places_.find(folder_ + std::string(name));
  return found == places_.end() ? nullptr : &entries_[found->second];
}

Result<std::unique_ptr<ZipMember>> TorchArchive::storage(std::string_view key) const {
  const std::string name = "data/" + std::string(key);
  const ZipEntry* const entry = find(name);
  if (entry == nullptr) {
    return Error(Errc::corrupt, "the archive has no member " + quoted_name(folder_ + name) +
                                    " with the elements of a tensor; the file is damaged");
  }
  return ZipMember::open(*file_, *entry);
}

}  // namespace locum::storage
