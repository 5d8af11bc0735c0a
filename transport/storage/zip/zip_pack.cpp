// Makes an archive of a folder.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/ports/backend.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/files/tree_format.hpp"
#include "transport/storage/zip/zip_writer.hpp"

namespace locum::storage {

namespace {

constexpr std::uint16_t packed_mode = 0100644;
constexpr std::size_t packed_at_once = std::size_t{4} << 20U;
/// As deep as tree_facts() goes: links may lead in a circle.
constexpr std::size_t deepest_packed = 32;
/// An empty file of that name is the one for locks that writers of parts leave.
constexpr std::string_view lock_of_writers = ".lock";

/// What tells readers of Zarr what a folder is: they look for it first.
bool is_metadata_of_zarr(const AreaEntry& entry) {
  return !entry.is_folder && (entry.name == "zarr.json" || entry.name.starts_with(".z"));
}

/// Writes the files of a folder, and of those below it, to an archive.
class ZipPacking {
 public:
  ZipPacking(FileArea& area, FileDraft& draft, const std::string& folder)
      : area_(area), zip_(draft, 0, packed_mode), prefix_(folder + '/') {}

  [[nodiscard]] Result<void> operator()() {
    memory_ = record_memory(packed_at_once);
    if (!memory_) {
      return no_memory_left();
    }
    auto done = pack(prefix_.substr(0, prefix_.size() - 1), 0);
    return done ? zip_.finish() : done;
  }

 private:
  Result<void> pack(const std::string& folder, std::size_t depth) {
    auto entries = area_.list(folder);
    if (!entries) {
      return entries.error().about(folder);
    }
    std::ranges::stable_partition(*entries, is_metadata_of_zarr);
    if (entries->empty() && depth > 0) {
      return zip_.add_folder(folder.substr(prefix_.size()));
    }
    for (const AreaEntry& entry : *entries) {
      const std::string path = folder + '/' + entry.name;
      if (entry.is_folder && depth == deepest_packed) {
        return Error(Errc::unsupported, "folders within folders are more than 32 deep").about(path);
      }
      if (auto done = entry.is_folder ? pack(path, depth + 1) : add(path, entry.name); !done) {
        return done.error().key().empty() ? Result<void>(done.error().about(path)) : done;
      }
    }
    return {};
  }
  Result<void> add(const std::string& path, const std::string& name) {
    const auto file = area_.open(path, {});
    if (!file) {
      return file.error().code() == Errc::not_found
                 ? Error(Errc::stale,
                         "the file was removed while its folder was packed, or is a link that leads nowhere; "
                         "pack it again when nobody writes there")
                 : file.error();
    }
    const std::uint64_t size = (*file)->size_bytes();
    if (name == lock_of_writers && size == 0) {
      return {};
    }
    if (auto begun = zip_.begin(path.substr(prefix_.size()), size); !begun) {
      return begun;
    }
    for (std::uint64_t at = 0; at < size; at += packed_at_once) {
      const std::span<std::byte> piece(
          memory_.get(), static_cast<std::size_t>(std::min<std::uint64_t>(packed_at_once, size - at)));
      auto done = (*file)->read(at, piece);
      done = done ? zip_.write(piece) : std::move(done);
      if (!done) {
        return done;
      }
    }
    return zip_.end();
  }

  FileArea& area_;
  ZipWriter zip_;
  const std::string prefix_;  ///< of the paths of all files
  std::shared_ptr<std::byte> memory_;
};

}  // namespace

// What all files were is compared with what they are in the end: each was read at another moment.
Result<void> pack_zip(const std::shared_ptr<FileArea>& area, const std::string& folder,
                      const std::string& archive) {
  const Tree tree{area, folder};
  const auto is = area->facts(folder);
  if (!is || !is->is_folder) {
    return is ? Error(Errc::invalid_argument, "this is a file; an archive is made of a folder") : is.error();
  }
  if (folder.empty() || archive == folder || archive.starts_with(folder + '/')) {
    return Error(Errc::invalid_argument, "the archive would be in the folder that it is made of, '" +
                                             archive +
                                             "'; give another path, or open Files on the folder above");
  }
  const auto before = tree_facts(tree);
  if (!before) {
    return before.error();
  }
  const auto draft = area->create(archive);
  if (!draft) {
    return draft.error().about(archive);
  }
  if (auto packed = ZipPacking(*area, **draft, folder)(); !packed) {
    return packed;
  }
  const auto after = tree_facts(tree);
  if (!after || after->identity != before->identity) {
    return after ? Error(Errc::stale,
                         "files in the folder were changed while it was packed; pack it again when nobody "
                         "writes there")
                 : after.error();
  }
  auto done = (*draft)->publish();
  return done ? done : Result<void>(done.error().about(archive));
}

}  // namespace locum::storage
