#include <memory>
#include <utility>

#include "core/detail/file_fetch.hpp"
#include "core/detail/file_load.hpp"
#include "core/detail/file_parts.hpp"
#include "core/detail/file_records.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/promised.hpp"
#include "core/object/selection.hpp"

// A session's work for stores that were restored lazily: what is found under a name may be a record that
// leads to part of a file.
namespace locum::detail {

void SessionState::restored_lazily(std::uint32_t store, std::string folder) {
  const MutexLock lock(mutex_);
  lazy_stores_.push_back({store, std::move(folder)});
  has_lazy_.store(true, std::memory_order_relaxed);
}

std::vector<LazyStore> SessionState::lazy_stores() const {
  const MutexLock lock(mutex_);
  return lazy_stores_;
}

// A record does not have the part that was asked for; or shows some of its bytes.
bool SessionState::may_be_in_file(const Result<ObjectView>& found) const noexcept {
  return found ? is_promise_record(found->type_hash()) && !kept_elsewhere(*found)
               : found.error().code() == Errc::invalid_argument;
}

Result<ObjectView> SessionState::from_file(const Address& name, const Selection& selection,
                                           Result<ObjectView> found, Deadline deadline) {
  if (!found) {
    const auto facts = connector_->get_some(name, Facts(), deadline);
    if (!facts || !may_be_in_file(facts)) {
      return missed(name, found.error());
    }
  }
  found = ObjectView();
  auto object = selected(files_->load(*this, name, deadline), selection);
  return object || object.error().rank() >= 0 ? std::move(object) : explain(name, object.error());
}

NowOrTask<ObjectView> SessionState::from_file_later(const Address& name, const Selection& selection,
                                                    NowOrTask<ObjectView> made) {
  if (made.coming) {
    return {ObjectView(), std::make_shared<FileFetch>(*this, name, selection, std::move(made.coming))};
  }
  if (!may_be_in_file(made.found)) {
    return made;
  }
  auto reading = files_->load_later(*this, name);
  return {ObjectView(), std::holds_alternative<std::monostate>(selection)
                            ? std::move(reading)
                            : std::make_shared<FileFetch>(*this, name, selection, std::move(reading))};
}

// The record by which a restored object that nobody has read is there: that under its name, if it has one.
// Parts of other files are not there before they are read.
Result<Address> SessionState::stand_in_of(const Key& promised, const ObjectView& record, Deadline deadline) {
  if (const auto other = same_as(record)) {
    const auto at = connector_->get(Address(other->store, connector_->name_of(*other)), deadline);
    if (!at || same_as(*at)) {
      return missed(promised, at ? no_such_object() : at.error());
    }
    const auto kept = kept_elsewhere(*at);
    return kept           ? Result<Address>(*kept)
           : in_file(*at) ? stand_in_of(*other, *at, deadline)
                          : Result<Address>(at->key());
  }
  const auto part = file_part_in(record);
  if (!part || part->of_checkpoint == 0) {
    return part ? missed(promised, no_such_object()) : explain(promised, part.error());
  }
  if (part->name.empty()) {
    return Address(record.key());
  }
  const auto named = connector_->get(Address(promised.store, part->name), deadline);
  if (!named || same_as(*named) != promised) {
    return missed(promised, named ? no_such_object() : named.error());
  }
  return Address(named->key());
}

void SessionState::read_if_left(Result<ObjectView>& found, const Address& name, const Selection* selection) {
  if (!found && is_left_to_caller(found.error())) {
    found = selected(files_->load(*this, name, {}), selection != nullptr ? *selection : Selection());
  }
}

}  // namespace locum::detail
