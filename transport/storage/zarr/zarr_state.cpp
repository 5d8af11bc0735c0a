#include "transport/storage/zarr/zarr_state.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "core/value/errors.hpp"

namespace locum::detail {

namespace {

Result<void> write_file(storage::FileArea& area, const std::string& path, const storage::MetadataFile& file) {
  const std::string at = path.empty() ? file.path : path + '/' + file.path;
  const auto draft = area.create(at);
  auto done = draft ? (*draft)->write(std::as_bytes(std::span(file.text))) : Result<void>(draft.error());
  done = done ? (*draft)->publish() : std::move(done);
  return done ? done : Result<void>(done.error().about(at));
}

/// Writes all but the last one.
Result<void> write_first(storage::FileArea& area, const std::string& path,
                         const std::vector<storage::MetadataFile>& files) {
  // Version 2 keeps attributes in a file of their own, which others may have left.
  const auto has = [&](std::string_view name) {
    return std::ranges::find(files, name, &storage::MetadataFile::path) != files.end();
  };
  const std::string attributes = path.empty() ? ".zattrs" : path + "/.zattrs";
  if ((has(".zarray") || has(".zgroup")) && !has(".zattrs")) {
    if (const auto removed = area.remove(attributes); !removed) {
      return removed.error().about(attributes);
    }
  }
  Result<void> done;
  for (std::size_t at = 0; done && at + 1 < files.size(); ++at) {
    done = write_file(area, path, files[at]);
  }
  return done;
}

}  // namespace

Result<void> write_metadata(storage::FileArea& area, const std::string& path,
                            const std::vector<storage::MetadataFile>& files) {
  auto done = write_first(area, path, files);
  return done ? write_file(area, path, files.back()) : done;
}

// Where nothing keeps two programs apart, one at a time is what the caller has to see to. Where others can
// only be noticed, what the call has written by then may be what another has been told to be there.
Result<void> ZarrState::change(Deadline deadline, const Change& make) {
  const std::array<RecordKey, 1> key{RecordKey{{}, place_.path}};
  const auto alone = changes_.take(key, deadline);
  if (!alone) {
    return alone.error();
  }
  const storage::UpdatedFile file{.folder = place_.path,
                                  .name = now()->metadata.version == 3 ? "zarr.json" : ".zarray",
                                  .changes_others = true};
  int calls = 0;
  std::optional<storage::ZarrMetadata> changed;
  const auto change_all = [&](storage::AreaFile*, FileDraft& into) -> Result<void> {
    if (++calls > 1) {
      return Error(Errc::stale,
                   "another program has changed the array meanwhile: elements that both have added are those "
                   "of either; let one program at a time do that, and write these again");
    }
    auto metadata = changed_metadata(make);
    const auto files = metadata ? storage::write_zarr(*metadata)
                                : Result<std::vector<storage::MetadataFile>>(metadata.error());
    if (!files) {
      return files.error();
    }
    changed = std::move(*metadata);
    return into.write(std::as_bytes(std::span(files->back().text)));
  };
  auto done = place_.area->update(file, change_all, deadline);
  if (!done && done.error().code() == Errc::unsupported && calls == 0) {
    auto metadata = changed_metadata(make);
    return metadata ? replace(std::move(*metadata)) : Result<void>(metadata.error());
  }
  if (done) {
    take_over(std::move(*changed));
  }
  return done;
}

// Version 2 has them in a file of their own, of which the last one who writes it counts.
Result<void> ZarrState::set_attributes(Deadline deadline, const Record& attributes) {
  const auto make = [&](const Now& now) {
    storage::ZarrMetadata metadata = now.metadata;
    metadata.attributes = attributes;
    return Result<storage::ZarrMetadata>(std::move(metadata));
  };
  if (now()->metadata.version == 3) {
    return change(deadline, make);
  }
  const std::array<RecordKey, 1> key{RecordKey{{}, place_.path}};
  const auto alone = changes_.take(key, deadline);
  if (!alone) {
    return alone.error();
  }
  auto metadata = changed_metadata(make);
  const auto files = metadata ? storage::write_zarr(*metadata)
                              : Result<std::vector<storage::MetadataFile>>(metadata.error());
  auto written = files ? write_first(*place_.area, place_.path, *files) : Result<void>(files.error());
  if (written) {
    take_over(std::move(*metadata));
  }
  return written;
}

bool ZarrState::has_grown(const Now& known) {
  auto metadata = zarr_metadata_in(place_, place_.path);
  const Extents& shape = known.metadata.shape;
  bool grown = false;
  for (std::size_t at = 0; metadata && at < shape.size() && shape.size() == metadata->shape.size(); ++at) {
    grown = grown || metadata->shape[at] > shape[at];
  }
  if (grown) {
    take_over(std::move(*metadata));
  }
  return grown;
}

// What others have changed since the array was opened would else be undone.
Result<storage::ZarrMetadata> ZarrState::changed_metadata(const Change& make) {
  auto metadata = zarr_metadata_in(place_, place_.path);
  if (!metadata) {
    return metadata;
  }
  take_over(std::move(*metadata));
  return make(*now());
}

void ZarrState::take_over(storage::ZarrMetadata metadata) {
  const auto now = std::make_shared<const Now>(place_, std::move(metadata));
  const MutexLock lock(mutex_);
  now_ = now;
}

Result<void> ZarrState::replace(storage::ZarrMetadata metadata) {
  const auto files = storage::write_zarr(metadata);
  auto written = files ? write_metadata(*place_.area, place_.path, *files)
                       : Result<void>(files.error().about(place_.path));
  if (written) {
    take_over(std::move(metadata));
  }
  return written;
}

}  // namespace locum::detail
