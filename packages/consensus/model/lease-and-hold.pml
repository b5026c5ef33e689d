/*
 * Leases and holds across failover (triad.md, I3 and Time). docs/model.md says what is left out, and why that is safe.
 *
 * One client with one seat and three servers. A message is lost, overtaken or late as it likes; an election may happen at any instant.
 * Time is discrete and the same for all: ages count ticks, and stop at LEASE, from where on they make no difference.
 *
 * The promise: the seat is never free for somebody else while the client believes to hold it.
 *
 * Wrong variants, each of which must be refuted: -DNO_ROUND, -DROUND_BEFORE, -DANY_ACK, -DANSWER_IN_RECLAIM, -DHOLD_NOT_RESTARTED.
 */

#ifndef TERMS
#define TERMS 3
#endif
#ifndef LEASE
#define LEASE 2
#endif
/* The shortest hold that is allowed: the lease, on clocks without drift. */
#define HOLD LEASE

#define PAIR(leader, follower) ((leader) * 3 + (follower))

#if defined(ROUND_BEFORE) || defined(ANY_ACK)
#define KEEPS_ROUNDS_BEFORE
#endif

/* Rounds between a leader and one follower. */
#define NONE 0
#define SENT 1
#define ACKNOWLEDGED 2

byte term[3] = 1;
bool leads[3];
/* It has committed its term's first entry, and knows. */
bool inControl[3];
/* The log: the term of its last entry, and whether the reclaim of the client's session is in it. */
byte lastTerm[3] = 1;
bool hasReclaim[3];
/* At a leader: ticks since the session was heard last, or since the hold was started. */
byte silence[3];

/* A heartbeat that waits for a quorum's word: ticks since the client sent it, plus 1; 0 where none waits. */
byte waiting[3];

/* The newest round begun after the waiting heartbeat was received, and one that was begun before it. */
byte round[9];
byte roundBefore[9];
/* `roundBefore` is of the newest round there was when the heartbeat came. */
bool isNewestBefore[9];

/* For how many ticks the client believes to hold its seat. */
byte lease = LEASE;
/* The reclaim is committed: the seat may be granted to somebody else. */
bool isFree;
/* Used within one step. */
byte newTerm;

inline forgetRound(pair) {
  round[pair] = NONE;
  roundBefore[pair] = NONE;
  isNewestBefore[pair] = false
}

inline follow(server, theTerm) {
  if
  :: theTerm > term[server] ->
       term[server] = theTerm; leads[server] = false; inControl[server] = false;
       silence[server] = 0; waiting[server] = 0;
       forgetRound(PAIR(server, 0)); forgetRound(PAIR(server, 1)); forgetRound(PAIR(server, 2))
  :: else
  fi
}

/* A server and one other are a quorum: both are in the new term from this instant on. */
inline elect(server, other) {
  printf("server %d is elected by server %d\n", server, other);
  newTerm = (term[server] > term[other] -> term[server] : term[other]) + 1;
  follow(other, newTerm);
  follow(server, newTerm);
  leads[server] = true;
  lastTerm[server] = newTerm;
  newTerm = 0
}

/* The other has the leader's log on its disk, and with it the term's first entry is on a quorum: everything in it is committed. */
inline replicate(server, other) {
  printf("server %d has the log of server %d, which leads term %d\n", other, server, term[server]);
  follow(other, term[server]);
  lastTerm[other] = lastTerm[server];
  hasReclaim[other] = hasReclaim[server];
  if
  :: !inControl[server] ->
       inControl[server] = true;
#ifdef HOLD_NOT_RESTARTED
       silence[server] = HOLD
#else
       silence[server] = 0
#endif
  :: else
  fi;
  isFree = isFree || hasReclaim[server]
}

inline startOver(pair) {
#ifdef KEEPS_ROUNDS_BEFORE
  if
  :: round[pair] != NONE -> roundBefore[pair] = round[pair]; isNewestBefore[pair] = true
  :: else -> isNewestBefore[pair] = false
  fi;
#endif
  /* In the right model an answer to a round begun before confirms nothing, so it need not be remembered. */
  round[pair] = NONE
}

/* The client holds for a lease from when it sent what is answered. An answer that comes later, or never, is worth less than this. */
inline answer(server) {
  printf("server %d answers a heartbeat that was sent %d ticks ago\n", server, waiting[server] - 1);
  if
  :: LEASE + 1 - waiting[server] > lease -> lease = LEASE + 1 - waiting[server]
  :: else
  fi;
  waiting[server] = 0;
#ifndef KEEPS_ROUNDS_BEFORE
  round[PAIR(server, 0)] = NONE; round[PAIR(server, 1)] = NONE; round[PAIR(server, 2)] = NONE
#endif
}

#ifdef ANSWER_IN_RECLAIM
#define mayAnswer(server) (!isFree)
#else
/* From the moment a reclaim is proposed the session's heartbeats are not answered until its outcome is known. */
#define mayAnswer(server) (!hasReclaim[server])
#endif

/* The client may send at any time, to any server; so a heartbeat that was under way for `age` ticks may arrive at any time. */
inline receive(server, age) {
  printf("server %d receives a heartbeat that was sent %d ticks ago\n", server, age);
  if
  :: mayAnswer(server) ->
       silence[server] = 0;
       waiting[server] = age + 1;
       startOver(PAIR(server, 0)); startOver(PAIR(server, 1)); startOver(PAIR(server, 2));
#ifdef NO_ROUND
       answer(server)
#endif
  :: else
  fi
}

/* A follower acknowledges a round if it knows no later term at that moment. */
inline acknowledge(server, other, slot) {
  printf("server %d acknowledges a round of server %d, or refuses it\n", other, server);
  if
  :: term[other] <= term[server] -> follow(other, term[server]); slot = ACKNOWLEDGED
  :: else -> slot = NONE
  fi
}

/* The acknowledgement arrives: with the leader itself that is a quorum. */
inline confirm(server, slot) {
  slot = NONE;
  if
  :: waiting[server] > 0 && mayAnswer(server) -> answer(server)
  :: else
  fi
}

inline grow(server) {
  if
  :: waiting[server] > 0 -> waiting[server] = (waiting[server] + 1) % (LEASE + 1)
  :: else
  fi;
  if
  :: inControl[server] && silence[server] < HOLD -> silence[server]++
  :: else
  fi
}

inline tick() {
  printf("a tick\n");
  if
  :: lease > 0 -> lease--
  :: else
  fi;
  grow(0); grow(1); grow(2)
}

/* The log of one is no older than the other's (Raft paper, 5.4.1). */
#define isUpToDate(s, o) (lastTerm[s] > lastTerm[o] || (lastTerm[s] == lastTerm[o] && hasReclaim[s] >= hasReclaim[o]))

#ifdef KEEPS_ROUNDS_BEFORE
#define asksRounds(s) (leads[s])
#else
/* A round that no heartbeat waits for confirms nothing. */
#define asksRounds(s) (waiting[s] > 0)
#endif

#ifdef ANY_ACK
#define countsBefore(pair) (true)
#else
#define countsBefore(pair) (isNewestBefore[pair])
#endif

#define BETWEEN(s, o) \
  :: d_step { !leads[s] && term[s] < TERMS && term[o] < TERMS && isUpToDate(s, o) -> elect(s, o) } \
  :: d_step { leads[s] && term[o] <= term[s] -> replicate(s, o) } \
  :: d_step { asksRounds(s) && round[PAIR(s, o)] == NONE -> round[PAIR(s, o)] = SENT; printf("server %d begins a round to server %d\n", s, o) } \
  :: d_step { round[PAIR(s, o)] == SENT -> acknowledge(s, o, round[PAIR(s, o)]) } \
  :: d_step { round[PAIR(s, o)] == ACKNOWLEDGED -> confirm(s, round[PAIR(s, o)]) }

#define BEFORE(s, o) \
  :: d_step { roundBefore[PAIR(s, o)] == SENT -> acknowledge(s, o, roundBefore[PAIR(s, o)]) } \
  :: d_step { roundBefore[PAIR(s, o)] == ACKNOWLEDGED && countsBefore(PAIR(s, o)) -> confirm(s, roundBefore[PAIR(s, o)]) }

#define RECLAIM(s) \
  :: d_step { inControl[s] && silence[s] >= HOLD && !hasReclaim[s] -> hasReclaim[s] = true; printf("server %d proposes to reclaim the seat\n", s) }

#define HEARTBEAT(age) \
  :: d_step { inControl[0] -> receive(0, age) } \
  :: d_step { inControl[1] -> receive(1, age) } \
  :: d_step { inControl[2] -> receive(2, age) }

active proctype world() {
  d_step { leads[0] = true; inControl[0] = true }
  do
  :: d_step { tick() }
  BETWEEN(0, 1) BETWEEN(0, 2) BETWEEN(1, 0) BETWEEN(1, 2) BETWEEN(2, 0) BETWEEN(2, 1)
#ifdef KEEPS_ROUNDS_BEFORE
  BEFORE(0, 1) BEFORE(0, 2) BEFORE(1, 0) BEFORE(1, 2) BEFORE(2, 0) BEFORE(2, 1)
#endif
  RECLAIM(0) RECLAIM(1) RECLAIM(2)
  HEARTBEAT(0)
#if LEASE > 1
  HEARTBEAT(1)
#endif
#if LEASE > 2
  HEARTBEAT(2)
#endif
  od
}

/* Looked at in every state. */
active proctype promise() {
#ifdef SOMETIMES
  /* Not a promise: that this is found shows that the rest is about something. The last leader there is has freed the seat. */
  d_step { isFree && inControl[1] && term[1] == TERMS && lease == 0 -> assert(false) }
#else
  d_step { isFree && lease > 0 -> assert(false) }
#endif
}
