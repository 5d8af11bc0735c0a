#include "transport/storage/files/files.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <utility>

#include "core/detail/session_state.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/files/concurrent_calls.hpp"
#include "transport/storage/files/state.hpp"
#include "transport/storage/open.hpp"

namespace locum {

namespace {

/// Folders within folders that list() enters: links may lead in a circle.
constexpr std::size_t deepest_folder = 64;
constexpr std::size_t copied_at_once = std::size_t{4} << 20U;

std::shared_ptr<detail::FilesState> open_files(const Session& session, std::string_view url,
                                               const FilesOptions& options) {
  auto store = session.open("locum.files", {.keep_decoded = false});
  auto made = std::make_shared<detail::FilesState>(session, std::move(store).value(), options);
  made->add({}, url).value();
  // Who has the last copy of the Files waits for what they began; the calls keep the state itself.
  detail::FilesState* const state = made.get();
  return {state, [made = std::move(made)](detail::FilesState*) { made->finish(); }};
}

template <class T>
Result<T> file_outcome(Result<T> result, std::string_view path) {
  return result ? std::move(result) : Result<T>(result.error().about(path));
}

/// Lists a folder and those in it.
class FolderWalk {
 public:
  FolderWalk(storage::FileArea& area, const ListOptions& options)
      : area_(area), options_(options), pattern_(options.pattern) {}

  [[nodiscard]] Result<std::vector<std::string>> operator()(const std::string& folder) {
    if (auto walked = walk(folder, 0); !walked) {
      return walked.error();
    }
    std::ranges::sort(found_);
    return std::move(found_);
  }

 private:
  Result<void> walk(const std::string& folder, std::size_t depth) {
    const auto entries = area_.list(folder);
    if (!entries) {
      // One that went while its parent was read counts as not there.
      return depth > 0 && entries.error().code() == Errc::not_found ? Result<void>()
                                                                    : Result<void>(entries.error());
    }
    for (const storage::AreaEntry& entry : *entries) {
      const std::string path = folder.empty() ? entry.name : folder + '/' + entry.name;
      if ((!entry.is_folder || options_.folders) &&
          ::fnmatch(pattern_.c_str(), entry.name.c_str(), FNM_PERIOD) == 0) {
        found_.push_back(path);
      }
      if (entry.is_folder && options_.recursive && depth < deepest_folder) {
        if (auto walked = walk(path, depth + 1); !walked) {
          return walked;
        }
      }
    }
    return {};
  }

  storage::FileArea& area_;
  const ListOptions& options_;
  const std::string pattern_;
  std::vector<std::string> found_;
};

/// Where a call without format finds its path.
struct Place {
  std::shared_ptr<storage::FileArea> area;
  std::string path;
};

Result<Place> place_of(const detail::FilesState& state, std::string_view path, std::string_view backend) {
  auto area = state.area(backend);
  auto plain = area ? storage::area_path(path, (*area)->name()) : Result<std::string>(area.error());
  return plain ? Result<Place>(Place{std::move(*area), std::move(*plain)}) : plain.error();
}

}  // namespace

Files::Files(std::string_view url, const FilesOptions& options)
    : state_(open_files(open_session("memory:").value(), url, options)) {}

Files::Files(const Session& session, std::string_view url, const FilesOptions& options)
    : state_(open_files(session, url, options)) {}

Result<void> Files::add(std::string_view name, std::string_view url) const {
  return state_->add(name, url);
}

const Store& Files::store() const noexcept {
  return state_->store();
}

const Session& Files::session() const noexcept {
  return state_->session();
}

void Files::begin(std::function<void()> call) const {
  state_->begin(std::move(call));
}

Files Files::in_call() const {
  Files files(*this);
  files.state_ = state_->shared_from_this();
  return files;
}

std::shared_ptr<CompletionCounter> Files::completions() const {
  return session().state()->completions();
}

Result<void> Files::save_record(std::string_view path, const Record& value,
                                const SaveOptions& options) const {
  const auto file = state_->named(path, options.backend, options.format, options.options);
  if (!file) {
    return file.error();
  }
  if (!file->format->traits().saves) {
    return Error(Errc::unsupported,
                 "the format " + std::string(file->format->traits().name) + " is read, and not written")
        .about(path);
  }
  const auto draft = file->create();
  auto done = draft ? detail::caught([&] { return file->format->save(value, **draft, options.options); })
                    : Result<void>(draft.error());
  done = done ? (*draft)->publish() : std::move(done);
  return file_outcome(std::move(done), path);
}

Result<Record> Files::load(std::string_view path, const LoadOptions& options) const {
  const auto file = state_->named_to_load(path, options);
  if (!file) {
    return file.error();
  }
  return file_outcome(state_->load(*file, options), path);
}

Result<RawView> Files::load_raw(std::string_view path, const LoadOptions& options) const {
  const auto file = state_->named_to_load(path, options);
  if (!file) {
    return file.error();
  }
  if (options.map) {
    return Error(Errc::invalid_argument,
                 "a mapped file is no object of a store; load it without a type, or as an Array")
        .about(path);
  }
  return file_outcome(state_->load_once(*file, options), path);
}

// The error of the store names the key of an object that the caller has not put.
Error Files::not_as(const RawView& object, std::string_view asked, std::string_view path,
                    const Error& error) {
  const auto info = object.info();
  if (error.code() != Errc::type_mismatch || !info) {
    return error;
  }
  return Error(
             Errc::type_mismatch,
             info->layout == Layout::array || info->layout == Layout::flat
                 ? "asked for " + std::string(asked) + ", the file holds " + info->type +
                       "; ask for that, or load it without a type"
                 : "asked for " + std::string(asked) +
                       ", the file holds members, a list or a text; load it without a type, and take what is "
                       "in it")
      .about(path);
}

Result<RawProxy> Files::raw_proxy(std::string_view path, const LoadOptions& options) const {
  const auto file = state_->named_to_load(path, options);
  if (!file) {
    return file.error();
  }
  if (options.map) {
    return Error(Errc::invalid_argument, "a mapped file is no object of a store, which a stand-in leads to")
        .about(path);
  }
  return file_outcome(state_->begin_proxy(*file, options), path);
}

std::vector<Result<Record>> Files::load_batch(std::span<const std::string> paths,
                                              const LoadOptions& options) const {
  std::vector<Result<Record>> loaded(paths.size(), Result<Record>(Record()));
  storage::call_concurrently(paths.size(), [&](std::size_t at) {
    loaded[at] = detail::caught([&] { return load(paths[at], options); });
  });
  return loaded;
}

std::vector<Result<RawView>> Files::load_raw_batch(std::span<const std::string> paths,
                                                   const LoadOptions& options) const {
  std::vector<Result<RawView>> loaded(paths.size(), Result<RawView>(RawView()));
  storage::call_concurrently(paths.size(), [&](std::size_t at) {
    loaded[at] = detail::caught([&] { return load_raw(paths[at], options); });
  });
  return loaded;
}

std::vector<Result<void>> Files::save_batch(std::span<const std::pair<std::string, Record>> values,
                                            const SaveOptions& options) const {
  std::vector<Result<void>> saved(values.size());
  storage::call_concurrently(values.size(), [&](std::size_t at) {
    saved[at] = detail::caught([&] { return save_record(values[at].first, values[at].second, options); });
  });
  return saved;
}

Result<Record> Files::info(std::string_view path, const LoadOptions& options) const {
  const auto file = state_->named_to_load(path, options);
  if (!file) {
    return file.error();
  }
  const auto opened = file->open({.maps = options.map});
  auto told = opened ? detail::caught([&] { return file->format->info(**opened, options.options); })
                     : Result<Record>(opened.error());
  if (!told) {
    return told.error().about(path);
  }
  told->set("format", file->format->traits().name);
  told->set("bytes", (*opened)->size_bytes());
  return told;
}

Result<RawView> Files::info_raw(std::string_view path, const LoadOptions& options) const {
  const auto told = info(path, options);
  const auto key = told ? store().put(*told) : Result<Key>(told.error());
  if (!key) {
    return key.error();
  }
  auto object = store().raw().get(*key);
  (void)store().evict(*key);  // the view keeps it
  return object;
}

Result<std::vector<std::string>> Files::list(std::string_view folder, const ListOptions& options) const {
  const auto place = place_of(*state_, folder, options.backend);
  if (!place) {
    return place.error();
  }
  return file_outcome(FolderWalk(*place->area, options)(place->path), folder);
}

Result<bool> Files::exists(std::string_view path, const PathOptions& options) const {
  const auto place = place_of(*state_, path, options.backend);
  const auto facts = place ? place->area->facts(place->path) : Result<storage::AreaFacts>(place.error());
  return facts                                              ? Result<bool>(true)
         : facts.error().code() == Errc::not_found && place ? Result<bool>(false)
                                                            : Result<bool>(facts.error().about(path));
}

Result<bool> Files::is_file(std::string_view path, const PathOptions& options) const {
  const auto place = place_of(*state_, path, options.backend);
  const auto facts = place ? place->area->facts(place->path) : Result<storage::AreaFacts>(place.error());
  return facts                                              ? Result<bool>(!facts->is_folder)
         : facts.error().code() == Errc::not_found && place ? Result<bool>(false)
                                                            : Result<bool>(facts.error().about(path));
}

Result<bool> Files::is_dir(std::string_view path, const PathOptions& options) const {
  const auto is_there = exists(path, options);
  const auto is_plain = is_there && *is_there ? is_file(path, options) : is_there;
  return is_there && *is_there && is_plain ? Result<bool>(!*is_plain) : is_plain;
}

Result<void> Files::make_dirs(std::string_view path, const PathOptions& options) const {
  const auto place = place_of(*state_, path, options.backend);
  return file_outcome(place ? place->area->make_folders(place->path) : Result<void>(place.error()), path);
}

Result<bool> Files::remove(std::string_view path, const PathOptions& options) const {
  const auto place = place_of(*state_, path, options.backend);
  if (place && place->path.empty()) {
    return Error(Errc::invalid_argument, "the folder of these Files is not removed; give a path in it");
  }
  return file_outcome(place ? place->area->remove(place->path) : Result<bool>(place.error()), path);
}

Result<void> Files::pack(std::string_view folder, std::string_view archive,
                         const PathOptions& options) const {
  const auto source = place_of(*state_, folder, options.backend);
  const auto target = place_of(*state_, archive, options.backend);
  if (!source || !target) {
    return source ? target.error() : source.error();
  }
  auto done = storage::pack_zip(source->area, source->path, target->path);
  return done || !done.error().key().empty() ? std::move(done) : Result<void>(done.error().about(folder));
}

Result<void> Files::copy(std::string_view from, std::string_view to, const PathOptions& options) const {
  const auto source = place_of(*state_, from, options.backend);
  const auto target = place_of(*state_, to, options.backend);
  if (!source || !target) {
    return source ? target.error() : source.error();
  }
  const auto opened = source->area->open(source->path, {});
  if (!opened) {
    return opened.error().about(from);
  }
  const auto draft = target->area->create(target->path);
  if (!draft) {
    return draft.error().about(to);
  }
  std::vector<std::byte> piece(std::min<std::uint64_t>(copied_at_once, (*opened)->size_bytes()));
  for (std::uint64_t at = 0; at < (*opened)->size_bytes();) {
    const auto size = std::min<std::uint64_t>(piece.size(), (*opened)->size_bytes() - at);
    const std::span<std::byte> part(piece.data(), static_cast<std::size_t>(size));
    if (auto done = (*opened)->read(at, part); !done) {
      return done.error().about(from);
    }
    if (auto done = (*draft)->write(part); !done) {
      return done.error().about(to);
    }
    at += size;
  }
  return file_outcome((*draft)->publish(), to);
}

}  // namespace locum
