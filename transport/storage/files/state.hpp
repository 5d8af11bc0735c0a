#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/mutex.hpp"
#include "core/raw_store.hpp"
#include "core/record_of.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/files/files.hpp"
#include "transport/storage/files/once.hpp"

namespace locum::detail {

/// What copies of a Files value share: its areas, and the store of what was loaded. Any thread.
class FilesState {
 public:
  using Area = std::shared_ptr<storage::FileArea>;

  /// \param store of the session, for what is loaded
  FilesState(Session session, Store store, const FilesOptions& options);

  /// Opens the area of a URL, under that name. `key_exists`.
  [[nodiscard]] Result<void> add(std::string_view name, std::string_view url) LOCUM_EXCLUDES(mutex_);
  /// Returns the area of that name; `not_found` lists those that there are.
  [[nodiscard]] Result<Area> area(std::string_view name) const LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] const Store& store() const noexcept { return store_; }
  /// Returns the value of an object of the store, in place.
  [[nodiscard]] Result<Record> value_of(const RawView& object) const {
    return record_of(*session_.state(), object);
  }

  /// The file of a call, and how it is read or written.
  struct Named {
    Area area;
    std::string path;
    std::shared_ptr<const Format> format;
  };
  /// Finds area and format. The errors of Files::load().
  [[nodiscard]] Result<Named> named(std::string_view path, std::string_view backend, std::string_view format,
                                    const Record& options) const;
  /// Returns the object of a file in the store, which it loads if nobody has.
  [[nodiscard]] Result<RawView> load_once(const Named& file, const LoadOptions& options) const;
  /// Loads a file for this call alone.
  [[nodiscard]] Result<Record> load_alone(const Named& file, const LoadOptions& options) const;

 private:
  /// load_once() of the file as it is now. `stale` if it is changed meanwhile.
  [[nodiscard]] Result<RawView> load_as_it_is(const Named& file, const LoadOptions& options) const;
  [[nodiscard]] Result<void> load_to(const Named& file, const LoadOptions& options,
                                     const std::string& identity, const std::string& name) const;
  [[nodiscard]] Result<void> load_into(const Named& file, const LoadOptions& options,
                                       const std::string& identity, const std::string& name) const;
  /// Returns the lifetime of what is loaded: long enough to be found by who has loaded it.
  [[nodiscard]] std::chrono::milliseconds kept() const noexcept {
    return std::max(options_.kept, std::chrono::milliseconds(1000));
  }
  /// Puts what is no array.
  [[nodiscard]] Result<Key> put_value(const std::string& name, const Record& value) const;

  const Session session_;
  const Store store_;
  const FilesOptions options_;
  const storage::OnceANode once_;
  mutable Mutex mutex_;
  std::map<std::string, Area, std::less<>> areas_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::detail
