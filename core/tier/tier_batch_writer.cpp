#include "core/tier/tier_batch_writer.hpp"

#include <numeric>

#include "core/backend/backend_keys.hpp"
#include "core/tier/batch_pieces.hpp"

namespace locum {

namespace {

std::vector<std::size_t> all_places(std::size_t count) {
  std::vector<std::size_t> places(count);
  std::iota(places.begin(), places.end(), std::size_t{0});
  return places;
}

}  // namespace

void TierBatchWriter::seal(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                           Moment until) {
  std::vector<std::size_t> alone;
  in_pieces(
      all_places(drafts.size()), most_bytes_in_piece, [&](std::size_t at) { return drafts[at].bytes.size(); },
      [&](Places places) { seal_piece(drafts, places, sealed, alone, until); });
  pool_->make_all(alone.size(), [&](std::size_t one) {
    sealed[alone[one]] = writer_->seal(drafts[alone[one]], {}, until);
  });
}

// As TierWriter::seal(): each step goes on with those for which the one before succeeded.
void TierBatchWriter::seal_piece(std::span<const ObjectDraft> drafts, Places places,
                                 std::span<Result<Sealed>> sealed, std::vector<std::size_t>& alone,
                                 Moment until) {
  std::vector<Address> names;
  for (const std::size_t at : places) {
    names.emplace_back(drafts[at].meta.store, drafts[at].meta.name);
  }
  const auto claims = parts_->claims.take_free(names, until);
  const auto claimed = claims.claimed(places, alone);
  names.clear();
  for (const std::size_t at : claimed) {
    names.emplace_back(drafts[at].meta.store, drafts[at].meta.name);
  }
  const auto live = found_together(*parts_->front, names, Wanting::facts, until);
  std::vector<std::size_t> to_store;
  std::vector<ObjectDraft> in_back;
  for (std::size_t one = 0; one < claimed.size(); ++one) {
    const ObjectDraft& draft = drafts[claimed[one]];
    const auto may = TierWriter::may_put(live[one]);
    const auto copy = may ? writer_->draft_in_back(draft, until) : Result<ObjectDraft>(may.error());
    if (copy) {
      in_back.push_back(*copy);
      to_store.push_back(claimed[one]);
    } else {
      writer_->discard(draft);
      sealed[claimed[one]] = copy.error();
    }
  }
  auto stored = sealed_together(*parts_->back, in_back, until);
  std::vector<std::size_t> to_show;
  std::vector<ObjectDraft> in_front;
  for (std::size_t one = 0; one < to_store.size(); ++one) {
    const ObjectDraft& draft = drafts[to_store[one]];
    if (stored[one]) {
      stored[one]->key.store = draft.meta.store;  // leads to the backend
    }
    sealed[to_store[one]] = std::move(stored[one]);
    if (TierWriter::is_for_back_alone(draft)) {
      continue;
    }
    if (sealed[to_store[one]]) {
      in_front.push_back(draft);
      to_show.push_back(to_store[one]);
    } else {
      writer_->discard(draft);
    }
  }
  auto shown = sealed_together(*parts_->front, in_front, until);
  for (std::size_t one = 0; one < to_show.size(); ++one) {
    Result<Sealed>& into = sealed[to_show[one]];
    into = TierWriter::in_either(std::move(shown[one]), *into);
  }
}

// With claims, as TierWriter::write().
void TierBatchWriter::write(std::span<const UnwrittenName> names, const WriteBackQueue::Written& written,
                            Moment until) {
  std::vector<std::size_t> alone;
  {
    std::vector<Address> addresses;
    addresses.reserve(names.size());
    for (const UnwrittenName& name : names) {
      parts_->stores.know(name.store, name.store_name);
      addresses.emplace_back(name.store, name.name);
    }
    const auto claims = parts_->claims.take_free(addresses, until);
    const auto claimed = claims.claimed(all_places(names.size()), alone);
    std::vector<Result<void>> outcomes(names.size());
    write_claimed(names, claimed, outcomes, until);
    for (const std::size_t at : claimed) {
      written(at, outcomes[at]);
    }
  }
  pool_->make_all(alone.size(),
                  [&](std::size_t one) { written(alone[one], writer_->write(names[alone[one]], until)); });
}

void TierBatchWriter::write_claimed(std::span<const UnwrittenName> names, Places places,
                                    std::span<Result<void>> written, Moment until) {
  /// One that is to be written.
  struct Value {
    std::size_t at = 0;
    ObjectView object;  ///< which the texts of `meta` are in
    ObjectMeta meta;
  };
  std::vector<Address> asked;
  std::vector<std::size_t> left;
  for (const std::size_t at : places) {
    if (parts_->unwritten.is_there(names[at].record)) {
      asked.emplace_back(names[at].store, names[at].name);
      left.push_back(at);
    } else {
      written[at] = {};
    }
  }
  const auto live = found_together(*parts_->front, asked, Wanting::all, until);
  std::vector<Value> values;
  asked.clear();
  for (std::size_t one = 0; one < left.size(); ++one) {
    const UnwrittenName& name = names[left[one]];
    const auto meta = TierWriter::meta_to_write(name, live[one]);
    if (meta && *meta) {
      values.push_back({left[one], *live[one], **meta});
      asked.emplace_back(name.store, name.name);
    } else {
      written[left[one]] = meta ? Result<void>() : meta.error();
    }
  }
  const auto kept = reader_->find_in_back(asked, Wanting::facts, until);
  std::vector<const Value*> over;
  std::vector<const Value*> fresh;
  std::vector<ObjectDraft> drafts;
  for (std::size_t one = 0; one < values.size(); ++one) {
    const Value& value = values[one];
    if (kept[one] || !says_absent(kept[one].error())) {
      over.push_back(&value);  // which tells what is wrong, if something is
      continue;
    }
    const auto draft = writer_->copy_in_back(value.object.bytes(), value.meta, until);
    if (draft) {
      drafts.push_back(*draft);
      fresh.push_back(&value);
    } else {
      written[value.at] = draft.error();
    }
  }
  const auto stored = sealed_together(*parts_->back, drafts, until);
  for (std::size_t one = 0; one < fresh.size(); ++one) {
    if (!stored[one] && stored[one].error().code() == Errc::key_exists) {
      over.push_back(fresh[one]);  // another job was faster
    } else {
      written[fresh[one]->at] = stored[one] ? Result<void>() : stored[one].error();
    }
  }
  pool_->make_all(over.size(), [&](std::size_t one) {
    const Value& value = *over[one];
    const auto replaced = writer_->store_over(value.object.bytes(), value.meta, until);
    written[value.at] = replaced ? Result<void>() : replaced.error();
  });
}

void TierBatchWriter::evict(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                            Moment until) {
  const bool may_write = parts_->options.writes != TierWrites::none;
  std::vector<std::size_t> named;
  std::vector<std::size_t> by_key;
  std::vector<std::size_t> alone;
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    const Address& address = addresses[at];
    const bool is_key = address.name.empty() && address.key.store != registry && !is_of_name(address.key);
    (is_key ? by_key : TierParts::is_tiered(address) && may_write ? named : alone).push_back(at);
  }
  const auto no_bytes = [](std::size_t /*at*/) { return std::uint64_t{0}; };
  in_pieces(named, most_bytes_in_piece, no_bytes,
            [&](Places places) { evict_piece(addresses, places, evicted, alone, until); });
  evict_keys(addresses, by_key, evicted, alone, until);
  pool_->make_all(alone.size(), [&](std::size_t one) {
    evicted[alone[one]] = writer_->evict(addresses[alone[one]], until);
  });
}

// As TierWriter::evict_name().
void TierBatchWriter::evict_piece(std::span<const Address> addresses, Places places,
                                  std::span<Result<bool>> evicted, std::vector<std::size_t>& alone,
                                  Moment until) {
  const auto claims = parts_->claims.take_free(picked(addresses, places), until);
  std::vector<Address> there;
  std::vector<std::size_t> kept;
  std::vector<std::size_t> left;  // to be evicted from memory
  for (const std::size_t at : claims.claimed(places, alone)) {
    evicted[at] = false;
    if (const auto one = reader_->in_back(addresses[at])) {
      there.push_back(*one);
      kept.push_back(at);
    } else {
      left.push_back(at);
    }
  }
  auto gone = evicted_together(*parts_->back, there, until);
  for (std::size_t one = 0; one < kept.size(); ++one) {
    evicted[kept[one]] = std::move(gone[one]);
    if (evicted[kept[one]]) {
      left.push_back(kept[one]);
    }
  }
  auto from_memory = evicted_together(*parts_->front, picked(addresses, left), until);
  for (std::size_t one = 0; one < left.size(); ++one) {
    Result<bool>& into = evicted[left[one]];
    into = from_memory[one] ? Result<bool>(*from_memory[one] || *into) : std::move(from_memory[one]);
  }
}

// Those without a name are in memory alone.
void TierBatchWriter::evict_keys(std::span<const Address> addresses, Places places,
                                 std::span<Result<bool>> evicted, std::vector<std::size_t>& alone,
                                 Moment until) {
  const auto found = found_together(*parts_->front, picked(addresses, places), Wanting::facts, until);
  std::vector<std::size_t> unnamed;
  for (std::size_t one = 0; one < places.size(); ++one) {
    if (found[one]) {
      (found[one]->facts().name.empty() ? unnamed : alone).push_back(places[one]);
    } else {
      evicted[places[one]] = says_absent(found[one].error()) ? Result<bool>(false) : found[one].error();
    }
  }
  auto gone = evicted_together(*parts_->front, picked(addresses, unnamed), until);
  put_back(std::move(gone), unnamed, evicted);
}

}  // namespace locum
