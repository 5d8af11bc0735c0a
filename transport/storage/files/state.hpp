#pragma once

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "core/base/mutex.hpp"
#include "core/raw_promise.hpp"
#include "core/raw_store.hpp"
#include "core/record_of.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/files/background_calls.hpp"
#include "transport/storage/files/files.hpp"
#include "transport/storage/files/once.hpp"
#include "transport/storage/files/shared_parts.hpp"

namespace locum::detail {

/// Returns what a call returns, or an exception as an error: formats throw nothing, but one of the program's
/// own may; and threads pass on no exception.
template <class Call>
auto caught(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return process_memory_used_up();
  } catch (const std::exception& error) {
    return Error(Errc::system, "the format of this file threw an exception; let it return an Error",
                 error.what());
  } catch (...) {
    return Error(Errc::system, "the format of this file threw an exception; let it return an Error");
  }
}

/// What copies of a Files value share: its areas, and the store of what was loaded. Any thread.
class FilesState : public std::enable_shared_from_this<FilesState> {
 public:
  using Area = std::shared_ptr<storage::FileArea>;

  /// \param store of the session, for what is loaded
  FilesState(Session session, Store store, const FilesOptions& options);

  /// Opens the area of a URL, under that name. `key_exists`.
  [[nodiscard]] Result<void> add(std::string_view name, std::string_view url) LOCUM_EXCLUDES(mutex_);
  /// Returns the area of that name; `not_found` lists those that there are.
  [[nodiscard]] Result<Area> area(std::string_view name) const LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] const Store& store() const noexcept { return store_; }
  [[nodiscard]] const Session& session() const noexcept { return session_; }
  [[nodiscard]] const std::shared_ptr<storage::SharedParts>& parts() const noexcept { return parts_; }

  /// The file of a call, and how it is read or written.
  struct Named {
    Area area;
    std::string path;
    std::shared_ptr<const Format> format;

    // The same calls of the area, which take the folder of a format of folders for a file.
    [[nodiscard]] Result<storage::AreaFacts> facts() const;
    [[nodiscard]] Result<std::unique_ptr<storage::AreaFile>> open(const storage::OpenedHow& how) const;
    [[nodiscard]] Result<std::unique_ptr<storage::AreaDraft>> create() const;
  };
  /// Finds area and format. The errors of Files::load().
  [[nodiscard]] Result<Named> named(std::string_view path, std::string_view backend, std::string_view format,
                                    const Record& options) const;
  /// The same for a file that is there: where no format has its ending, the error names those that recognise
  /// what is in it.
  [[nodiscard]] Result<Named> named_to_load(std::string_view path, const LoadOptions& options) const;
  /// How long the object of a file lasts.
  enum class Lasts : std::uint8_t {
    a_while,        ///< FilesOptions::kept
    until_evicted,  ///< stand-ins lead to it
  };
  /// Returns the object of a file in the store, which it loads if nobody has.
  [[nodiscard]] Result<RawView> load_once(const Named& file, const LoadOptions& options,
                                          Lasts lasts = Lasts::a_while) const;
  /// Returns what a file holds, in place in its object. If the object has no room in the store, the file is
  /// mapped, where its layout allows that.
  [[nodiscard]] Result<Record> load(const Named& file, const LoadOptions& options) const;
  /// Loads a file for this call alone.
  [[nodiscard]] Result<Record> load_alone(const Named& file, const LoadOptions& options) const;
  /// Makes a stand-in for the object of a file, which is loaded in the background.
  [[nodiscard]] Result<RawProxy> begin_proxy(const Named& file, const LoadOptions& options);
  /// Makes the call in the background; it must not throw. It keeps this.
  void begin(std::function<void()> call) { background_.add(std::move(call)); }
  /// Waits for what was begun, for as long as a load may take; not in a thread that makes one of these calls.
  void finish();

 private:
  /// Returns what a file holds where it is, mapped; `out_of_memory` if that takes memory of its own.
  [[nodiscard]] Result<Record> load_mapped(const Named& file, const LoadOptions& options) const;

  /// A load of a file as it is now.
  struct Loading {
    const Named& file;
    const LoadOptions& options;
    Lasts lasts = Lasts::a_while;
    storage::AreaFile* opened = nullptr;  ///< null: it is opened by who loads it
    std::string identity{};               ///< of its content
  };
  /// load_once() of the file as it is now. `stale` if it is changed meanwhile.
  [[nodiscard]] Result<RawView> load_as_it_is(Loading loading) const;
  [[nodiscard]] Result<void> load_to(const Loading& loading, const std::string& name,
                                     const storage::LentProcessors& lent) const;
  [[nodiscard]] Result<void> load_into(const Loading& loading, const std::string& name,
                                       const storage::LentProcessors& lent) const;
  /// Returns the lifetime of what is loaded: long enough to be found by who has loaded it.
  [[nodiscard]] std::chrono::milliseconds lifetime(Lasts lasts) const noexcept {
    return lasts == Lasts::until_evicted ? for_ever
                                         : std::max(options_.kept, std::chrono::milliseconds(1000));
  }
  /// Puts what is no array.
  [[nodiscard]] Result<Key> put_value(const std::string& name, const Record& value,
                                      std::chrono::milliseconds lifetime) const;

  const Session session_;
  const Store store_;
  const FilesOptions options_;
  const storage::OnceANode once_;
  const std::shared_ptr<storage::SharedParts> parts_;
  mutable Mutex mutex_;
  std::map<std::string, Area, std::less<>> areas_ LOCUM_GUARDED_BY(mutex_);
  storage::BackgroundCalls background_;  // no call is left when this ends: each keeps it
};

}  // namespace locum::detail
