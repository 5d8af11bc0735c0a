#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend/call_pool.hpp"
#include "core/backend/known_names.hpp"
#include "core/backend/record_format.hpp"
#include "core/backend/record_names.hpp"
#include "core/backend/store_spaces.hpp"
#include "core/object/address.hpp"
#include "core/object/object.hpp"
#include "core/ports/backend.hpp"
#include "core/ports/batches.hpp"
#include "core/value/result.hpp"

namespace locum {

/// What is found under a name that is not there.
enum class Absent : std::uint8_t {
  not_found,
  has_default,  ///< the default of the backend (BackendTraits::default_name), if there is one in the store
};

/// Reads objects from the records of a backend: see BackendConnector. Blocks within the deadline. Any thread.
class BackendReader {
 public:
  /// \param spaces has to outlive it
  BackendReader(std::shared_ptr<Backend> backend, const RecordNames& names, StoreSpaces& spaces)
      : backend_(std::move(backend)),
        names_(names),
        spaces_(spaces),
        default_name_(backend_->traits().default_name) {}

  /// The object; its facts alone if `last_bytes` is 0. `not_found` also if it has expired, which removes it.
  [[nodiscard]] Result<ObjectView> find(const Address& address, std::uint64_t last_bytes, Deadline deadline,
                                        Absent absent = Absent::not_found);
  /// The same of each, in few requests if the backend has them, else on the threads of the pool; if whole
  /// objects are wanted, absent ones have defaults.
  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline, CallPool& pool);
  /// The names of objects of a store that begin with `prefix`, sorted.
  [[nodiscard]] Result<std::vector<std::string>> names_in(std::uint32_t store, std::string_view prefix,
                                                          Deadline deadline);
  /// Whether a record is there, and has not expired. An error counts as yes.
  [[nodiscard]] bool is_there(const RecordKey& key, Deadline deadline);
  /// Looks at all records of a store, which removes those that have expired.
  void look_at_all(std::uint32_t store, Deadline deadline);
  /// The key is that of an object with this name.
  void know(const Key& key, std::string_view name) { known_.add(key, name); }

 private:
  /// A record, and what its end says; none of a record that another program stored.
  struct Loaded {
    LoadedRecord record;
    std::optional<StoredFacts> facts;
  };

  void find_each(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                 Deadline deadline, CallPool& pool);
  [[nodiscard]] bool has_default(const Address& address, const Result<ObjectView>& found) const noexcept;
  [[nodiscard]] Result<Loaded> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline);
  [[nodiscard]] static Result<Loaded> loaded(LoadedRecord record);
  [[nodiscard]] static Result<ObjectView> view_of(Loaded&& loaded, const Key& key, std::string_view name);
  [[nodiscard]] Result<ObjectView> found_by_name(Result<Loaded>&& found, std::uint32_t store,
                                                 std::string_view name);
  [[nodiscard]] Result<ObjectView> found_by_key(Result<Loaded>&& found, const Address& address,
                                                const std::string& name);
  [[nodiscard]] Result<std::string_view> record_of(const Key& key, std::string_view space, std::string& name,
                                                   std::string& room, Deadline deadline);
  [[nodiscard]] Result<std::string> name_of_hash(const Key& key, std::string_view space, Deadline deadline);

  const std::shared_ptr<Backend> backend_;
  const RecordNames names_;
  StoreSpaces& spaces_;
  const std::string_view default_name_;  ///< empty: there is none
  KnownNames known_;
};

}  // namespace locum
