#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/array.hpp>
#include <locum/async_result.hpp>
#include <locum/call_options.hpp>
#include <locum/format_registry.hpp>
#include <locum/proxy.hpp>
#include <locum/raw_proxy.hpp>
#include <locum/raw_view.hpp>
#include <locum/record.hpp>
#include <locum/result.hpp>
#include <locum/session.hpp>
#include <locum/store.hpp>
#include <locum/view.hpp>

/// Files in the formats that everybody reads, with or without MPI. Link `locum::serial` (no MPI) or
/// `locum::locum`.
namespace locum {

namespace detail {
class FilesState;
}

/// Options of Files.
struct FilesOptions {
  /// How long what was loaded stays in memory behind the last time that it was loaded from the file: another
  /// load by any rank of the node within that time reads no file. Views keep it for longer. At least a
  /// second.
  std::chrono::milliseconds kept{60'000};
  /// Longest wait of a load for another rank that loads the same file.
  std::chrono::milliseconds timeout{600'000};
  /// Whether the folder of a `file:` URL is made at once if there is none; else by the first call that writes
  /// into it, and until then it is empty.
  bool make_folder = true;
};

/// Options of Files::load(), proxy() and info().
struct LoadOptions {
  std::string_view format = {};   ///< name of the format; empty: by the ending of the path
  Record options = {};            ///< of the format, by name: `{{"separator", ";"}}`
  bool map = false;               ///< show the file's own bytes in place, where format and layout allow that
  std::string_view backend = {};  ///< name of an area of Files::add(); empty: that of the constructor
  TimeLimit deadline = {};        ///< of waiting for another rank that loads the same file
};

namespace detail {

/// LoadOptions that keep the texts that they name.
class OwnedLoadOptions {
 public:
  explicit OwnedLoadOptions(const LoadOptions& options)
      : format_(options.format), backend_(options.backend), options_(options), until_(options.deadline) {}

  /// Returns them; valid as long as this. The time of the deadline counts from the constructor on.
  [[nodiscard]] LoadOptions given() const {
    return {.format = format_,
            .options = options_.options,
            .map = options_.map,
            .backend = backend_,
            .deadline = until_};
  }

 private:
  std::string format_;
  std::string backend_;
  LoadOptions options_;
  Deadline until_;
};

/// What Files::load<T>() returns: a View of an array, else the value.
template <class T>
using LoadedAs = std::conditional_t<std::is_unbounded_array_v<T>, View<T>, T>;

}  // namespace detail

/// Options of Files::save().
struct SaveOptions {
  std::string_view format = {};   ///< as in LoadOptions
  Record options = {};            ///< as in LoadOptions
  std::string_view backend = {};  ///< as in LoadOptions
};

/// Options of the other calls of Files.
struct PathOptions {
  std::string_view backend = {};  ///< as in LoadOptions
};

/// Options of Files::list().
struct ListOptions {
  std::string_view pattern = "*";  ///< of names without folder, as in a shell: `*`, `?`, `[a-z]`
  bool recursive = false;          ///< in all folders below, too
  bool folders = false;            ///< folders as well as files
  std::string_view backend = {};   ///< as in LoadOptions
};

/// Values in files: `Files files("file:///scratch/run17"); files.save("T.npy", field);
/// auto T = files.load<double[]>("T.npy").value();` The ending of a path says which format (see
/// registered_formats()); an ending that no format has is `unsupported`, and the error lists the formats.
///
/// *Where.* `file:` is a folder; any other URL of locum::open() whose backend lists keeps files as objects of
/// bytes: `memory:` is of this process alone, and lasts as long as this. `zip:` is an archive, as it was when
/// it was opened: its files are read, and never changed. Paths are relative to it, and cannot leave it.
///
/// *Once for a node.* Of the ranks that share a session (Runtime::files()) one loads a file, into the store
/// of the node, and the others read it there in place; if that rank dies or fails, another one loads. A file
/// is known by device, inode, size and times of change, so that two paths to it are one, and a file that was
/// changed is another one; views of the old one stay.
///
/// *Saving* is atomic: who loads the path finds the old file or all of the new one, also if this process or
/// the machine dies meanwhile. Of several concurrent saves of a path one is left, whole.
/// A `.zarr` is a folder, which is not replaced: `key_exists` if it is an array already.
///
/// A cheap value; copies are the same. Any thread may call; calls block while the file system does.
class Files {
 public:
  /// Opens the files of a URL, for this process alone. Throws Error: `invalid_argument`, `unsupported`,
  /// `system`, `not_found` (with `create=0`, or `zip:`), `corrupt` (`zip:`).
  explicit Files(std::string_view url, const FilesOptions& options = {});
  /// Opens the files of a URL, which are loaded once for all ranks of the node that share the session. Throws
  /// the same.
  Files(const Session& session, std::string_view url, const FilesOptions& options = {});

  /// Names another URL, for the option `backend` of the calls. `key_exists` if the name is in use; else the
  /// errors that the constructor throws. Copies of this know it, too.
  [[nodiscard]] Result<void> add(std::string_view name, std::string_view url) const;

  /// Saves a value: an array, a number, a text, or a Record. `unsupported` if no format has the ending, or
  /// the format saves nothing; `type_mismatch` if it does not hold such a value; `invalid_argument` for a bad
  /// path or option; `system`.
  template <class T>
  Result<void> save(std::string_view path, const T& value, const SaveOptions& options = {}) const {
    return save_record(path, record_of(value), options);
  }
  /// Loads a file, whatever it holds: an Array for the formats of one array, else what the format says.
  /// `not_found`; `unsupported` as in save(); `corrupt` names the place in the file; `timeout`;
  /// `out_of_memory`: the error tells how much it takes. An array that has no room in the store is mapped
  /// instead, as with the option `map`, where format and layout allow that; so are several of one file. It
  /// then shows the file as it is, also if that is changed in place.
  [[nodiscard]] Result<Record> load(std::string_view path, const LoadOptions& options = {}) const;
  /// Loads an array in place, by its elements: `load<double[]>("T.npy")`. `type_mismatch` if the file holds
  /// something else.
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Result<View<T>> load(std::string_view path, const LoadOptions& options = {}) const {
    const auto object = load_raw(path, options);
    auto view = object ? detail::read_view<T>(*session().state(), ObjectView(object->object()), {})
                       : Result<View<T>>(object.error());
    return view || !object
               ? std::move(view)
               : Result<View<T>>(not_as(*object, type_identity<detail::Stored<T>>.name, path, view.error()));
  }
  /// Loads a value: a number, a `std::string`, an Array, a `std::vector` of numbers. See Record::as().
  template <class T>
    requires(!std::is_unbounded_array_v<T>)
  [[nodiscard]] Result<T> load(std::string_view path, const LoadOptions& options = {}) const {
    const auto record = load(path, options);
    auto value = record ? record->template as<T>() : Result<T>(record.error());
    return value ? std::move(value) : Result<T>(value.error().about(path));
  }
  /// Begins a load() in a thread of these Files, which reads while the program computes. Up to four files are
  /// loaded at a time. The last copy of the Files waits for the loads that they began, for
  /// FilesOptions::timeout at most, unless it ends in one of these threads; a load whose result was cancelled
  /// before it began is not made. Within a load, by a format of the program's own, it loads at once.
  [[nodiscard]] AsyncResult<Record> load_async(std::string_view path, const LoadOptions& options = {}) const {
    return soon<Record>([path = std::string(path), options = detail::OwnedLoadOptions(options)](
                            const Files& files) { return files.load(path, options.given()); });
  }
  /// Overload for a type: `load_async<double[]>("T.npy")`.
  template <class T>
  [[nodiscard]] AsyncResult<detail::LoadedAs<T>> load_async(std::string_view path,
                                                            const LoadOptions& options = {}) const {
    return soon<detail::LoadedAs<T>>(
        [path = std::string(path), options = detail::OwnedLoadOptions(options)](const Files& files) {
          return files.load<T>(path, options.given());
        });
  }
  /// Returns a stand-in for what a file holds, which is loaded in the background from now on, once for the
  /// node of this rank; ranks of other nodes fetch it from there, and need not see the file. The object lasts
  /// until it is evicted by the key of a view of it; load() of the same content finds it. `not_found` if
  /// there is no file. If it cannot be loaded, whoever uses the stand-in gets `broken_promise`, with the
  /// error of the load as its text. Its type is checked when it is used: `double[]` and the like for arrays,
  /// a number or a std::string for files of one, else Record. `invalid_argument` with the option `map`.
  template <class T>
  [[nodiscard]] Result<Proxy<T>> proxy(std::string_view path, const LoadOptions& options = {}) const {
    const auto made = raw_proxy(path, options);
    return made ? Result<Proxy<T>>(session().template proxy<T>(made->handle())) : made.error();
  }
  /// Overload for a type that is known only at run time.
  [[nodiscard]] Result<RawProxy> raw_proxy(std::string_view path, const LoadOptions& options = {}) const;
  /// Loads several files, some at a time, in threads; each has its own result.
  [[nodiscard]] std::vector<Result<Record>> load_batch(std::span<const std::string> paths,
                                                       const LoadOptions& options = {}) const;
  /// Saves several values, some at a time, in threads; each has its own result.
  [[nodiscard]] std::vector<Result<void>> save_batch(std::span<const std::pair<std::string, Record>> values,
                                                     const SaveOptions& options = {}) const;
  /// Returns what a file holds without loading it all: `format`, `bytes`, and for an array `type` and
  /// `extents`, for several of them `arrays` with these by name.
  [[nodiscard]] Result<Record> info(std::string_view path, const LoadOptions& options = {}) const;

  /// Loads a file as the object that ranks of the node share, in place: for other languages, and tools. What
  /// is no array is a stored Record. The errors of load(); `invalid_argument` with the option `map`.
  [[nodiscard]] Result<RawView> load_raw(std::string_view path, const LoadOptions& options = {}) const;
  /// Begins a load_raw(), as load_async() begins a load().
  [[nodiscard]] AsyncResult<RawView> load_raw_async(std::string_view path,
                                                    const LoadOptions& options = {}) const {
    return soon<RawView>([path = std::string(path), options = detail::OwnedLoadOptions(options)](
                             const Files& files) { return files.load_raw(path, options.given()); });
  }
  /// Loads several files as load_raw() does, some at a time, in threads; each has its own result.
  [[nodiscard]] std::vector<Result<RawView>> load_raw_batch(std::span<const std::string> paths,
                                                            const LoadOptions& options = {}) const;
  /// Returns info() as a stored Record, which lasts as long as the view.
  [[nodiscard]] Result<RawView> info_raw(std::string_view path, const LoadOptions& options = {}) const;

  /// Returns the paths of the files in a folder, in ascending order. `not_found` if there is no such folder.
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view folder = {},
                                                      const ListOptions& options = {}) const;
  [[nodiscard]] Result<bool> exists(std::string_view path, const PathOptions& options = {}) const;
  [[nodiscard]] Result<bool> is_file(std::string_view path, const PathOptions& options = {}) const;
  [[nodiscard]] Result<bool> is_dir(std::string_view path, const PathOptions& options = {}) const;
  /// Makes a folder and those above it, where there is none. Saving makes the folder that it needs.
  Result<void> make_dirs(std::string_view path, const PathOptions& options = {}) const;
  /// Removes a file, or an empty folder. Returns false if there was none.
  Result<bool> remove(std::string_view path, const PathOptions& options = {}) const;
  /// Copies a file, atomically, its bytes unread.
  Result<void> copy(std::string_view from, std::string_view to, const PathOptions& options = {}) const;
  /// Makes an archive of ZIP, atomically, of all files in a folder and below it: `files.pack("T.zarr",
  /// "T.zarr.zip")`, which Files("zip:…/T.zarr.zip") open, and ZipStore of zarr-python reads. Members are
  /// stored, under their paths below the folder, and equal folders make equal archives; empty files `.lock`
  /// are left out. `not_found`; `invalid_argument` if it is no folder, or the archive would be in it; `stale`
  /// if files in it were changed meanwhile; `type_mismatch` for names that are not UTF-8; `unsupported` in a
  /// build without zlib.
  Result<void> pack(std::string_view folder, std::string_view archive, const PathOptions& options = {}) const;

  /// \cond library
  [[nodiscard]] const std::shared_ptr<detail::FilesState>& state() const noexcept { return state_; }
  /// \endcond

 private:
  template <class T>
  [[nodiscard]] static Record record_of(const T& value) {
    if constexpr (std::is_convertible_v<const T&, Record>) {
      return value;
    } else {
      static_assert(!std::is_same_v<T, T>, "locum: give an array, a number, a text or a Record");
    }
  }
  template <class T>
  [[nodiscard]] static Record record_of(const View<T[]>& view) {
    return Array(view.array());
  }
  /// Returns the error of an object that cannot be viewed as that type.
  [[nodiscard]] static Error not_as(const RawView& object, std::string_view asked, std::string_view path,
                                    const Error& error);
  [[nodiscard]] Result<void> save_record(std::string_view path, const Record& value,
                                         const SaveOptions& options) const;
  [[nodiscard]] const Store& store() const noexcept;
  [[nodiscard]] const Session& session() const noexcept;
  void begin(std::function<void()> call) const;
  [[nodiscard]] std::shared_ptr<CompletionCounter> completions() const;
  /// Returns Files for a call in the background, whose end waits for nothing.
  [[nodiscard]] Files in_call() const;
  /// Makes `call(files)` in the background.
  template <class V, class Call>
  [[nodiscard]] AsyncResult<V> soon(Call call) const {
    auto state = std::make_shared<detail::SettledState<V>>(completions());
    begin([state, call = std::move(call), files = in_call()]() noexcept {
      if (state->ended()) {
        return;
      }
      try {
        state->settle(call(files));
      } catch (...) {
        state->fail(std::current_exception());
      }
    });
    return AsyncResult<V>(std::move(state));
  }

  std::shared_ptr<detail::FilesState> state_;
};

}  // namespace locum
