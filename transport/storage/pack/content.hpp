#pragma once

#include <cstdint>
#include <memory>

#include "core/value/result.hpp"
#include "transport/storage/pack/file.hpp"
#include "transport/storage/pack/index.hpp"

namespace locum::storage {

/// A pack as far as it has been read. One thread at a time.
struct PackContent {
  std::shared_ptr<PackFile> file;
  std::uint64_t salt = 0;
  std::uint64_t end = 0;     ///< behind the last whole record
  std::uint64_t synced = 0;  ///< so much of it is known to have been on the disk
  PackIndex index{};
  bool is_damaged = false;  ///< something in it was left out
};

/// Begins a pack in a file, whatever is in it. Nothing of it is on the disk yet.
[[nodiscard]] Result<PackContent> begin_pack(std::shared_ptr<PackFile> file);
/// Reads what is in the file of a pack, for who writes it from now on: a record at its end that was never
/// whole is cut off, and a file without anything begins. `invalid_argument` if it is no pack. `corrupt` if
/// something in the middle is damaged, unless `leaves_out_damage`.
[[nodiscard]] Result<PackContent> open_pack(std::shared_ptr<PackFile> file, const std::string& path,
                                            bool leaves_out_damage);
/// The same for who only reads it. `not_found` if the writer has not begun it.
[[nodiscard]] Result<PackContent> look_into_pack(std::shared_ptr<PackFile> file, const std::string& path);
/// Notes in the file that all of it is on the disk. REQUIRES: it is.
[[nodiscard]] Result<void> note_synced(PackContent& content);
/// Reads what was appended since. `corrupt`.
[[nodiscard]] Result<void> read_on(PackContent& content, const std::string& path, std::uint64_t size_bytes);

}  // namespace locum::storage
