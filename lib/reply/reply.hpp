// SPDX-License-Identifier: BSD-3-Clause
/// Reply: answers diverted traffic as an open, silent service would (the paper, 3.2).
#pragma once

#include <rte_mempool.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/secrets.hpp"
#include "base/time.hpp"
#include "packet/builder.hpp"
#include "packet/packet.hpp"
#include "packet/persona.hpp"
#include "policy/policy.hpp"
#include "reply/conversations.hpp"
#include "reply/cookie.hpp"
#include "reply/repetitions.hpp"
#include "reply/script.hpp"
#include "reply/surface.hpp"
#include "reply/voice.hpp"
#include "scrubber/icmp_rates.hpp"

namespace mitibox {

/// Owned by one lcore. Stateless up to the handshake's end: the SYN/ACK's ISN is a cookie. Only a
/// source that returned it gets an entry, in a bounded conversation table with a quota a source.
/// At most one frame a probe, never longer than SYN + 4 bytes (other answers: never longer than
/// what asked, but for the few words of a voice), and none to group, broadcast or martian addresses
/// or MACs.
class Reply {
 public:
  /// What to do with a packet. The caller queues `frame` (if any) on the port that the packet came
  /// from, and ends the packet under `reason`.
  struct Answer {
    rte_mbuf* frame = nullptr;
    Reason reason = Reason::reply_silent;
  };

  /// What a stray TCP segment is to the forged conversations.
  struct Continuation {
    bool ours = false;   ///< belongs to one: `answer` holds; else the packet is not Reply's
    bool proof = false;  ///< this segment completed a forged handshake: its source is proven
    SynOffer offer;      ///< with a proof: what the client's SYN offered
    Answer answer;
  };

  struct Counters {
    std::uint64_t syn_acks = 0;
    std::uint64_t echoes = 0;
    std::uint64_t unreachables = 0;
    std::uint64_t proofs = 0;       ///< handshakes completed
    std::uint64_t bad_cookies = 0;  ///< stray ACKs that completed none
    std::uint64_t conversation_evictions = 0;
    std::uint64_t repetitions = 0;  ///< SYN/ACKs sent once more
    std::uint64_t fins = 0;         ///< sent, repetitions too
    std::uint64_t resets = 0;       ///< SYNs answered as by a closed port
    std::uint64_t words = 0;        ///< segments with a voice's words
    std::uint64_t words_again = 0;  ///< of these, with nothing new
  };

  /// `pool`: where forged frames come from, this lcore's own. Throws std::runtime_error naming the
  /// table, its size and the option when memory is short.
  Reply(const Policy& policy, const Secrets& secrets, rte_mempool* pool,
        std::uint32_t conversations, std::string_view name);
  ~Reply();
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  /// Forged errors are to draw from the same rates as hosts' (S-ICMP-5), which must outlive this.
  void limit(IcmpRates& rates) { rates_ = &rates; }

  /// Answers a diverted opening packet (TCP SYN, UDP, echo request, or another protocol).
  Answer open(const Packet& probe, Now now) {
    const Packet* const one = &probe;
    Answer answer;
    open({&one, 1}, now, {&answer, 1});
    return answer;
  }
  /// As above for each of at most kBurst probes.
  void open(std::span<const Packet* const> probes, Now now, std::span<Answer> answers);

  /// Whether TCP ports that are neither service nor decoy look closed.
  [[nodiscard]] bool sparse() const { return surface_.sparse(); }
  /// Where sparse(): of a SYN to what is no service. Depends on its destination alone.
  [[nodiscard]] bool looks_closed(const Packet& syn) const {
    return syn.protocol == protocol::kTcp && !surface_.decoy(syn.target());
  }
  /// As above, of a TCP destination.
  [[nodiscard]] bool looks_closed(const Destination& to) const { return !surface_.decoy(to); }
  /// Answers a SYN as a closed port does (rule N-OUT-10).
  Answer reset(const Packet& syn);

  /// Takes a stray inbound TCP segment (never a SYN) that belongs to a forged conversation, or that
  /// completes a forged handshake.
  Continuation converse(const Packet& segment, Now now);

  /// Where the port of the conversation that `segment` belongs to has a voice, it speaks from now
  /// on, unless it is held in the name of a host. `given`: what converse() made of the segment.
  /// What to send now in its place; unchanged when there is nothing to say.
  Answer give_voice(const Packet& segment, const Answer& given, Now now);

  /// What a segment would do to a live conversation.
  enum class Saying : std::uint8_t {
    nothing,        ///< there is no conversation
    over,           ///< it has ended
    anything,       ///< nothing that its other end need know
    data_in_order,  ///< new data, or the sender's end
    last_ack,       ///< what completes the closing of both ends
    reset,          ///< an exact RST
  };
  [[nodiscard]] Saying saying(const Packet& segment);
  [[nodiscard]] bool in_conversation(const Packet& segment) {
    return !conversations_.empty() && saying(segment) > Saying::over;
  }
  /// From here on the conversation is held in the name of a host, and ends after it only.
  void speak_for_host(const Packet& segment);
  /// That host has ended, or will never say anything. The FIN that the peer is waiting for, if it
  /// is overdue; nullptr else.
  rte_mbuf* host_ended(const Packet& segment, Now now);
  /// Whether the peer has sent its FIN, and still hears the box.
  [[nodiscard]] bool peer_ended(const Packet& segment);
  /// Somebody else goes on with the conversation.
  void forget(const Packet& segment) { conversations_.erase(segment.key, segment.family); }

  /// Sends SYN/ACKs once more whose time has come, unless their handshake is complete: a
  /// conversation is known here, a connection to `known(syn)`. Call once a poll.
  template <typename Known, typename Send>
  void repeat(Now now, Known known, Send send) {
    repetitions_.take(now, kRepetitions, [&](const Repetitions::Waiting& w) {
      Packet syn = w.syn.packet();
      syn.hash = w.hash;
      const Conversation* const c = conversations_.find(syn.key, syn.family);
      if ((c != nullptr && c->client_isn == syn.sequence) || known(syn)) return;
      rte_mbuf* const frame = syn_ack(syn, w.isn, w.offer, nullptr);
      if (frame == nullptr) return;
      ++counters_.repetitions;
      send(frame);
    });
  }

  /// Sends the FINs whose time has come. Call once a poll.
  template <typename Send>
  void close(Now now, Send send) {
    conversations_.take_due(now, kRepetitions, [&](Conversation& c) {
      if (rte_mbuf* const frame = next_fin(c, now); frame != nullptr) send(frame);
    });
  }

  /// A challenge ACK (RFC 5961 section 4) towards the sender of `syn`, in the name of its
  /// destination. `sequence` and `acknowledgement` in host byte order; `window` as on the wire.
  struct Challenge {
    std::uint32_t sequence, acknowledgement;
    std::uint16_t window;
  };
  Answer challenge(const Packet& syn, const Challenge& numbers);

  [[nodiscard]] const Counters& counters() const { return counters_; }
  /// Conversations that are going on.
  [[nodiscard]] std::uint32_t conversations() const { return conversations_.live(); }

  /// Ends idle conversations, looking at no more than `budget` entries.
  void sweep(Now now, std::uint32_t budget);

  static std::size_t memory_bytes(std::uint32_t conversations);

 private:
  static constexpr std::uint32_t kRepetitions = 64;  ///< a poll

  /// SYNs of one family, and where in a burst of answers theirs belong.
  struct Syns {
    std::array<const Packet*, kBurst> packets;
    std::array<std::uint8_t, kBurst> places;
    std::size_t count = 0;
  };
  /// Nothing when the SYN is to be answered with others of its family.
  std::optional<Answer> open_other(const Packet& probe, Now now);
  void open_tcp(Family family, const Syns& syns, Now now, std::span<Answer> answers);
  rte_mbuf* syn_ack(const Packet& syn, std::uint32_t isn, const SynOffer& offer, rte_mbuf* taken);
  Answer open_udp(const Packet& probe, Now now);
  Answer open_echo(const Packet& request);
  /// Whether `segment` returns the cookie of a handshake other than `old`'s; fills in `offer`.
  bool completes(const Packet& segment, const Conversation* old, Now now, SynOffer& offer);
  Conversation* begin(const Packet& segment, const SynOffer& offer, Now now);
  rte_mbuf* next_fin(Conversation& conversation, Now now);
  Answer proceed(Conversation& conversation, const Packet& segment, Now now);
  using Words = std::span<const std::uint8_t>;
  struct Say {
    script::Response how;
    Words words;
  };
  Answer respond(const Conversation& conversation, const Packet& segment, const Say& say);
  /// Brings `conversation` to where it is once the words are sent.
  Words speak(Conversation& conversation, const Packet& segment, Now now) const;
  void move_on(Conversation& conversation, const Conversation& after);

  Builder builder_;
  Persona persona_;
  Cookie cookie_;
  Conversations conversations_;
  Repetitions repetitions_;
  Voices voices_;
  bool repeats_;
  Counters counters_;
  bool udp_unreachable_;
  IcmpRates* rates_ = nullptr;
  unsigned ipv4_prefix_;  ///< bits that make a source, for its quota
  unsigned ipv6_prefix_;
  Surface surface_;
};

}  // namespace mitibox
