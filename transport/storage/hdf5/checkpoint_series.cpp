#include "transport/storage/hdf5/checkpoint_series.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>

#include "transport/storage/hdf5/errors.hpp"
#include "transport/storage/hdf5/xdmf.hpp"

namespace locum::storage {

namespace {

ExpiredCheckpoint expire(const std::string& path, const MasterFile& master) {
  ExpiredCheckpoint expired{.path = path,
                            .parts = {},
                            .parts_folder = master.parts_folder,
                            .xdmf = master.xdmf,
                            .file = identity_of(path)};
  for (const std::string& name : part_names(master)) {
    expired.parts.push_back(master.parts_folder + '/' + name);
  }
  return expired;
}

// What a job has left that died before the checkpoint was complete: parts in progress, and if the named file
// was in progress as well, those to which that one refers. Other parts may be of a file that was renamed.
void remove_unfinished(const std::string& path) {
  std::vector<std::string> parts;
  const std::string unfinished = temporary_of(path);
  std::error_code ignored;
  if (std::filesystem::exists(unfinished, ignored)) {
    try {
      parts = part_names(read_master(unfinished));
    } catch (const Error&) {  // that was not made to its end, so no part was given its name
    }
  }
  remove_unfinished_parts(path, parts);
  std::filesystem::remove(temporary_of(xdmf_file(path)), ignored);
  std::filesystem::remove(unfinished, ignored);
}

void remove_all_unfinished(FileSeries series) {
  constexpr std::string_view of_parts = ".parts";
  series.after += of_parts;
  for (std::string path : paths_in(series)) {
    path.resize(path.size() - of_parts.size());
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored) || ignored) {
      continue;
    }
    try {
      const WritingLock lock(path);
      if (lock.holds() && !std::filesystem::exists(path, ignored) && !ignored) {
        remove_unfinished(path);
      }
    } catch (const Error&) {  // somebody writes it now
    }
  }
}

}  // namespace

std::vector<SeriesEntry> read_series(const FileSeries& series) {
  std::vector<SeriesEntry> entries;
  for (std::string& path : paths_in(series)) {
    SeriesEntry entry{std::move(path), std::nullopt, std::nullopt};
    try {
      entry.master = read_master(entry.path);
    } catch (const Error& error) {
      entry.error = error;
    } catch (const std::exception& exception) {  // sizes that no memory has
      entry.error = file_damaged(entry.path, exception.what());
    }
    entries.push_back(std::move(entry));
  }
  const auto rank = [&series](const SeriesEntry& entry) {
    return std::tuple(entry.master.has_value(), entry.master ? entry.master->time_ns : 0,
                      series.number(file_name_of(entry.path)).value_or(0));
  };
  std::ranges::sort(entries, std::ranges::greater(), rank);
  return entries;
}

std::vector<ExpiredCheckpoint> roll(const std::string& path, const std::string& store, std::uint32_t keep) {
  const auto series = series_of(path);
  if (!series) {
    throw Error(
        Errc::invalid_argument,
        "'" + path +
            "' has no number in its file name, so that none is older than the other; name checkpoints "
            "of which some are kept by their step, as 'step0042.h5'");
  }
  std::vector<ExpiredCheckpoint> expired;
  std::uint32_t kept = 1;
  for (const SeriesEntry& entry : read_series(*series)) {
    std::error_code ignored;
    if (entry.master && entry.path != path && entry.master->rolling && entry.master->store == store &&
        !std::filesystem::is_symlink(entry.path, ignored) && ++kept > keep) {
      expired.push_back(expire(entry.path, *entry.master));
    }
  }
  remove_all_unfinished(*series);
  return expired;
}

std::uint64_t latest_time_of_series(const std::string& path) {
  std::uint64_t latest = 0;
  if (const auto series = series_of(path)) {
    for (const std::string& each : paths_in(*series)) {
      latest = std::max(latest, time_of_checkpoint(each));
    }
  }
  return latest;
}

// The file that refers to the others goes last: if this process dies in between, it is found again.
void remove_expired(const ExpiredCheckpoint& expired) noexcept {
  try {
    const WritingLock lock(expired.path);
    if (!expired.file || identity_of(expired.path) != expired.file) {
      return;
    }
    std::error_code ignored;
    for (const std::string& part : expired.parts) {
      std::filesystem::remove(part, ignored);
    }
    std::filesystem::remove(expired.parts_folder, ignored);  // only if it is empty
    if (expired.xdmf) {
      std::filesystem::remove(xdmf_file(expired.path), ignored);
    }
    std::filesystem::remove(expired.path, ignored);
  } catch (const std::exception&) {  // somebody writes it now, or no memory
  }
}

std::uint64_t now_ns() noexcept {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

}  // namespace locum::storage
