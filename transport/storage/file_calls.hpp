#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "core/base/descriptor.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Opens a path below a folder. Not open: errno says why.
[[nodiscard]] Descriptor open_at(int folder, const std::string& path, int flags, mode_t mode = 0) noexcept;
/// Writes all. `timeout` if the deadline passes meanwhile; `path` is for errors.
[[nodiscard]] Result<void> write_all(const Descriptor& file, std::span<const std::byte> bytes,
                                     const std::string& path, Deadline deadline);
/// Reads until `into` is full or the file ends; returns how many bytes it read, or the error number, negated.
[[nodiscard]] std::int64_t read_at(const Descriptor& file, std::uint64_t offset,
                                   std::span<std::byte> into) noexcept;
/// Writes all. Returns 0, or the error number.
[[nodiscard]] int write_at(const Descriptor& file, std::uint64_t offset,
                           std::span<const std::byte> bytes) noexcept;
/// Opens a file that somebody has named, to read a few bytes: at most so many. `invalid_argument` if it has
/// more, or is no regular file: a pipe or a device might never end, or never begin. Where it cannot be
/// opened, `not_found` if it does not exist, `system` otherwise.
[[nodiscard]] Result<Descriptor> open_small_file(const std::string& path, std::size_t most_bytes);
/// All that is in such a file.
[[nodiscard]] Result<std::string> text_of_small_file(const std::string& path, std::size_t most_bytes);
/// Waits until the file, or the names in the folder, are on the disk. Returns 0, or the error number. A
/// folder of a file system that cannot do this counts as done.
[[nodiscard]] int sync_file(const Descriptor& file) noexcept;
[[nodiscard]] int sync_folder_at(int folder, const std::string& path) noexcept;
/// Makes a folder, with all folders above it, where there is none. With `syncs` those that are new are on the
/// disk when this returns. REQUIRES: the path is absolute.
[[nodiscard]] Result<void> make_folder(const std::filesystem::path& path, bool syncs);

/// The moment of the last change, in nanoseconds since 1970.
[[nodiscard]] std::int64_t changed_ns(const struct stat& facts) noexcept;
/// Most bytes of a file that are read or written between two looks at the clock.
inline constexpr std::size_t most_bytes_at_once = std::size_t{16} << 20U;
/// The largest file that this process may write: beyond it, a write kills the process by SIGXFSZ.
[[nodiscard]] std::uint64_t largest_file() noexcept;

/// The error of a call, with what can be done about it. \param what as in "writing"
[[nodiscard]] Error file_error(const std::string& what, const std::string& path, int error_number);

}  // namespace locum::storage
