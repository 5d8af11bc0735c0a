#include "transport/storage/experiments/record_io.hpp"

#include <algorithm>
#include <utility>

#include "core/value/error.hpp"
#include "transport/storage/experiments/experiment_place.hpp"

namespace locum {

namespace detail {

/// What copies of a RecordIO share.
class RecordIOData {
 public:
  RecordIOData(storage::ExperimentPlace at, std::string_view of) : place(std::move(at)), prefix(of) {}

  [[nodiscard]] std::string path_of(std::string_view file) const { return prefix + '/' + std::string(file); }
  /// `key_exists` if the prefix is an experiment.
  [[nodiscard]] Result<void> is_free() const {
    const auto is_there = place.exists(path_of(storage::experiment_file));
    return !is_there ? Result<void>(is_there.error())
           : *is_there
               ? Error(Errc::key_exists,
                       "this prefix is the ID of an experiment, which owns the folder; give another one")
                     .about(prefix)
               : Result<void>();
  }
  /// Makes the folder a prefix. Of an experiment that begins at the same time, one at least sees the other.
  [[nodiscard]] Result<void> claim() const {
    const std::string mark = path_of(storage::prefix_file);
    const auto is_there = place.exists(mark);
    if (!is_there) {
      return is_there.error();
    }
    if (*is_there) {
      return is_free();
    }
    auto done = is_free();
    done = done ? place.write(mark, "{\"locum.prefix\": 1}\n") : std::move(done);
    if (!done) {
      return done;
    }
    done = is_free();
    if (!done) {
      (void)place.remove(mark);
    }
    return done;
  }

  const storage::ExperimentPlace place;
  const std::string prefix;
};

}  // namespace detail

namespace {

constexpr std::string_view value_ending = ".value";
constexpr std::string_view bytes_ending = ".bytes";

Files files_of_records(const Session* session, const RecordIOOptions& options) {
  if (!options.backend.empty()) {
    throw Error(Errc::invalid_argument, "the option backend is for a RecordIO in Files of your own");
  }
  return storage::files_of_experiments(session, options.url);
}

std::shared_ptr<const detail::RecordIOData> open_records(const Files& files, const RecordIOOptions& options) {
  storage::check_experiment_id(options.prefix, "the prefix of a RecordIO").value();
  auto data = std::make_shared<const detail::RecordIOData>(
      storage::ExperimentPlace::of(files, options.backend).value(), options.prefix);
  data->is_free().value();
  return data;
}

/// Returns the URL of a file that was written.
Result<std::string> written_url(const detail::RecordIOData& data, const std::string& path,
                                const Result<void>& done) {
  return done ? Result<std::string>(data.place.url_of(path)) : done.error();
}

}  // namespace

RecordIO::RecordIO(const RecordIOOptions& options)
    : data_(open_records(files_of_records(nullptr, options), options)) {}

RecordIO::RecordIO(const Session& session, const RecordIOOptions& options)
    : data_(open_records(files_of_records(&session, options), options)) {}

RecordIO::RecordIO(const Files& files, const RecordIOOptions& options) {
  if (!options.url.empty()) {
    throw Error(Errc::invalid_argument, "a RecordIO in Files is where these are; leave out its url");
  }
  data_ = open_records(files, options);
}

Result<std::string> RecordIO::write(const Record& value) const {
  const std::string path = data_->path_of(storage::new_data_name("value", value_ending));
  const auto claimed = data_->claim();
  return claimed ? written_url(*data_, path, data_->place.save(path, "value", value)) : claimed.error();
}

Result<std::string> RecordIO::write_bytes(std::span<const std::byte> bytes) const {
  const std::string path = data_->path_of(storage::new_data_name("value", bytes_ending));
  const auto claimed = data_->claim();
  return claimed ? written_url(
                       *data_, path,
                       data_->place.write(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}))
                 : claimed.error();
}

Result<Record> RecordIO::read(std::string_view url) const {
  const auto path = data_->place.path_of(url);
  if (!path) {
    return path.error();
  }
  if (path->ends_with(bytes_ending)) {
    return data_->place.files().load(*path, {.format = "bytes", .backend = data_->place.backend()});
  }
  return data_->place.load(*path);
}

Result<bool> RecordIO::remove(std::string_view url) const {
  const auto path = data_->place.path_of(url);
  if (!path) {
    return path.error();
  }
  const std::string_view name =
      std::string_view(*path).substr(std::min(path->size(), data_->prefix.size() + 1));
  if (!path->starts_with(data_->prefix + '/') ||
      (!storage::data_name_ns(name, value_ending) && !storage::data_name_ns(name, bytes_ending))) {
    return Error(Errc::invalid_argument,
                 "this URL is not of a file that was written under the prefix '" + data_->prefix + "'")
        .about(url);
  }
  return data_->place.remove(*path);
}

}  // namespace locum
