package smooch

import (
	"cmp"
	"context"
	"iter"
	"time"
)

// ConversationsService posts and reads the messages of app users. A userID argument is either the
// generated _id of a user or your own userId, which can be any text. Each user has one
// conversation, which the first message creates.
type ConversationsService struct{ c *Client }

// Get returns a user's conversation with all its messages. It fails with [ErrNotFound] if the user
// has no conversation yet.
//
// Deprecated: only v1 documents this call. Use [ConversationsService.Messages].
//
//	GET /appusers/{userId}/conversation
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: REST reference v1, "Get Conversation".
func (s *ConversationsService) Get(ctx context.Context, userID string, opts ...CallOption) (*Conversation, error) {
	return one[Conversation](ctx, s.c, opConversationGet.with(userID), opts)
}

// PostMessage posts a message to a user's conversation:
//
//	app.Conversations.PostMessage(ctx, userID, smooch.TextMessage("Noon it is."))
//
// A missing role is set to appUser for a credential of a single user, and to appMaker for any
// other. Except for a text or an image on v1, which need no type, a missing type is set to that of
// the content; a message that has neither a type nor content fails with [ErrInvalidArgument].
//
// If it is not known whether the message has arrived, PostMessage does not send it again but fails
// with [ErrOutcomeUnknown]; with [WithSendToken] it finds out. It fails with [ErrBadRequest] if the
// service refuses the message, with [ErrNotFound] if there is no such user, and with
// [ErrConversationFull] if the conversation cannot hold another message.
//
//	POST /appusers/{userId}/conversation/messages
//	POST /appusers/{userId}/messages
//
// On v1, a text or an image without actions, a destination or the like is sent to the first path.
// All other messages of v1, and those of v1.1, are sent to the second. Messages of the role
// appMaker need the scope app, appMaker or account.
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) PostMessage(ctx context.Context, userID string, message MessagePost, opts ...CallOption) (*MessageResponse, error) {
	row := opMessagesCreate
	message.Role = cmp.Or(message.Role, s.c.core.role)
	if s.c.version == V1 && message.inFirstV1() {
		row = opConversationPostMessage
	} else if message.Type == "" {
		message.Type = message.contentType()
	}
	r := row.with(userID).json(message)
	if row == opMessagesCreate && message.Type == "" && message.Message == nil {
		r.refuse("message", "has no type, which this call requires, and no content that implies one")
	}
	return one[MessageResponse](ctx, s.c, r, opts)
}

// UploadImage uploads an image and posts it to a user's conversation. The fields of message (role,
// name, text, metadata and the rest) are sent as form fields, and those that are objects as JSON. A
// missing role is set as in [ConversationsService.PostMessage]. UploadImage fails as that method
// does, with [ErrNotFound] for example, and as [AttachmentsService.Upload] does, with [ErrTooLarge]
// or [ErrInvalidArgument]. A second call posts the image again, so after [ErrOutcomeUnknown] look
// for it in the history before you try again.
//
// Deprecated: on v1.1 use [AttachmentsService.Upload] and [ImageMessage].
//
//	POST /appusers/{userId}/conversation/images
//	POST /appusers/{userId}/images
//
// On v1, an image without actions, a destination or the like is sent to the first path. All other
// images of v1, and those of v1.1, are sent to the second. Messages of the role appMaker need the
// scope app, appMaker or account.
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source: https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AppUserApi.md
func (s *ConversationsService) UploadImage(ctx context.Context, userID string, image Upload, message MessagePost, opts ...CallOption) (*MessageResponse, error) {
	row := opMessagesUploadImage
	if s.c.version == V1 && message.inFirstV1() {
		row = opConversationUploadImage
	}
	message.Role = cmp.Or(message.Role, s.c.core.role)
	return one[MessageResponse](ctx, s.c, row.with(userID).upload(image, message), opts)
}

// ListMessages returns one page of a user's messages: at most 100, in order from the oldest to the
// newest. The zero value of options selects the page of the newest messages. ListMessages fails
// with [ErrNotFound] if the user has no conversation yet, and with [ErrInvalidArgument] if more
// than one option is set.
//
//	GET /appusers/{userId}/messages
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) ListMessages(ctx context.Context, userID string, options MessageListOptions, opts ...CallOption) (*MessagePage, error) {
	r := opMessagesList.with(userID).query(options.query())
	if !options.exclusive() {
		r.refuse("options", "set more than one of Before, After and OldestFirst")
	}
	return one[MessagePage](ctx, s.c, r, opts)
}

// Messages returns an iterator over a user's messages. It runs from the newest message, or the last
// one before options.Before, to the oldest. With options.OldestFirst it runs from the oldest
// message to the newest, and with options.After from the first message after that instant to the
// newest. It fetches one page of at most 100 messages at a time.
//
// An error ends the iteration and is yielded last, with a nil message. It is [ErrNotFound] if the
// user has no conversation yet, and [ErrInvalidArgument] if more than one option is set. If several
// messages at the edge of a page arrived in the same millisecond, the API can leave some of them
// out.
//
//	GET /appusers/{userId}/messages
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) Messages(ctx context.Context, userID string, options MessageListOptions, opts ...CallOption) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		forward := options.OldestFirst || !options.After.IsZero()
		for options := options; ; {
			p, err := s.ListMessages(ctx, userID, options, opts...)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range p.Messages {
				if !forward {
					i = len(p.Messages) - 1 - i
				}
				if !yield(&p.Messages[i], nil) {
					return
				}
			}
			next, more := p.following(forward)
			if !more {
				return
			}
			if !options.advance(next, forward) {
				yield(nil, errNoProgress)
				return
			}
		}
	}
}

// DeleteMessage deletes one message from the history. It fails with [ErrNotFound] if there is no
// such user or message.
//
//	DELETE /appusers/{userId}/messages/{messageId}
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) DeleteMessage(ctx context.Context, userID, messageID string, opts ...CallOption) error {
	return exec(ctx, s.c, opMessagesDelete.with(userID, messageID), opts)
}

// DeleteMessages deletes all messages of a user's conversation. This cannot be undone. The user's
// channels stay linked. It fails with [ErrNotFound] if there is no such user.
//
//	DELETE /appusers/{userId}/messages
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) DeleteMessages(ctx context.Context, userID string, opts ...CallOption) error {
	return exec(ctx, s.c, opMessagesDeleteAll.with(userID), opts)
}

// PostActivity shows the user that the business is typing, or that it has read the conversation. A
// missing role is set to appMaker, the only one that the service accepts. PostActivity returns the
// conversation, or a zero [Conversation] if the service sends none. It fails with [ErrNotFound] if
// the user has no conversation yet.
//
//	POST /appusers/{userId}/conversation/activity
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) PostActivity(ctx context.Context, userID string, activity Activity, opts ...CallOption) (*Conversation, error) {
	if activity.Role == "" {
		activity.Role = RoleAppMaker
	}
	return one[Conversation](ctx, s.c, opConversationActivity.with(userID).json(activity), opts)
}

// ResetUnreadCount marks all messages as read by the user: the conversation's unread count becomes
// 0. It fails with [ErrNotFound] if the user has no conversation yet.
//
//	POST /appusers/{userId}/conversation/read
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) ResetUnreadCount(ctx context.Context, userID string, opts ...CallOption) error {
	return exec(ctx, s.c, opConversationResetUnread.with(userID), opts)
}

// Postback simulates the user's tap on the postback action with the id actionID. It fails with
// [ErrNotFound] if there is no such user or action. A second call triggers the postback again, so
// if you try again after [ErrOutcomeUnknown] it may be reported twice.
//
//	POST /appusers/{userId}/conversation/postback
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1; v1.1 not verified.
// Source: JavaScript client smooch-core 8.11, "conversations.postPostback".
func (s *ConversationsService) Postback(ctx context.Context, userID, actionID string, opts ...CallOption) error {
	return exec(ctx, s.c, opConversationPostback.with(userID).json(map[string]string{"actionId": actionID}), opts)
}

// FindSent returns the message that was sent with token as its send token, see [WithSendToken].
// since is a time before the message was sent, by the clock of the caller or of the service; the
// search goes back to ten minutes before it. FindSent fails with [ErrNotFound] if no message there
// has the token, also because the user has no conversation yet, and with [ErrInvalidArgument] if
// token is not one that [WithSendToken] accepts.
//
//	GET /appusers/{userId}/messages
//
// Scope: app token, appUser (its own user), app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/ConversationApi.md
func (s *ConversationsService) FindSent(ctx context.Context, userID, token string, since time.Time, opts ...CallOption) (*Message, error) {
	if problem := sendTokenProblem(token); problem != "" {
		return nil, argumentError(opMessagesList.String(), "token", problem)
	}
	sent := sentMessage{client: s.c, userID: userID, token: token, since: since}
	return sent.find(ctx, opts...)
}
