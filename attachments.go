package smooch

import "context"

// Attachment is an uploaded file, for use in messages, see [ImageMessage] and [FileMessage].
type Attachment struct {
	MediaURL  string `json:"mediaUrl"`
	MediaType string `json:"mediaType"`
}

// AttachmentAccess says who can read an uploaded file. The set is open.
type AttachmentAccess string

// The kinds of access.
const (
	AttachmentAccessPublic  AttachmentAccess = "public"  // whoever has the URL
	AttachmentAccessPrivate AttachmentAccess = "private" // only with a media token; v1.1
)

// AttachmentOptions are the options of [AttachmentsService.Upload]. With the zero value, the file
// is public and is kept until it is deleted.
type AttachmentOptions struct {
	Access AttachmentAccess `url:"access" json:"-"` // the default is AttachmentAccessPublic
	// "message" deletes the file together with the conversation of AppUserID or UserID
	For       string `url:"for,omitempty" json:"-"`
	AppUserID string `url:"appUserId,omitempty" json:"-"` // the user's _id
	UserID    string `url:"userId,omitempty" json:"-"`    // your own id for the user
	// a content type that overrides that of the file; v1.1
	Type string `url:"-" json:"type,omitempty"`
}

// AttachmentsService uploads and deletes files.
type AttachmentsService struct{ c *Client }

// Upload uploads a file. To send it to a user, post the MediaURL with [ImageMessage] or
// [FileMessage]. Upload fails with [ErrTooLarge] if the file exceeds the service's limit (10 MB in
// the documentation of 2017), and with [CodeUnsupportedMediaType] if its type is not allowed. It
// fails with [ErrNotFound] if options name a user who does not exist, and with [ErrInvalidArgument]
// unless file has exactly one of Source and Open. A second call after [ErrOutcomeUnknown] at most
// leaves a file that nothing refers to.
//
//	POST /attachments
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AttachmentsApi.md
func (s *AttachmentsService) Upload(ctx context.Context, file Upload, options AttachmentOptions, opts ...CallOption) (*Attachment, error) {
	if options.Access == "" {
		options.Access = AttachmentAccessPublic
	}
	return one[Attachment](ctx, s.c, opAttachmentsUpload.with().query(options).upload(file, options), opts)
}

// Delete deletes an uploaded file. mediaURL is the MediaURL of its [Attachment]. Caches may serve
// copies of the file for about 15 minutes more. Delete fails with [ErrNotFound] if the app has no
// such file.
//
//	POST /attachments/remove
//
// Scope: app, appMaker, account.
// Versions: v1, v1.1.
// Source:
// https://github.com/zendesk/sunshine-conversations-ruby/blob/ba44083/docs/AttachmentsApi.md
func (s *AttachmentsService) Delete(ctx context.Context, mediaURL string, opts ...CallOption) error {
	return exec(ctx, s.c, opAttachmentsRemove.with().json(map[string]string{"mediaUrl": mediaURL}), opts)
}

// CreateMediaToken creates a token for each of paths, such as
// "/apps/{appId}/conversations/{conversationId}", and returns the tokens by path. A token allows
// reading the private attachments under its path. It is valid for two hours, unless the app has
// another AttachmentsTokenExpirationSeconds (see [AppSettings]). CreateMediaToken fails with
// [ErrInvalidArgument] if paths is empty. If a path is that of another app, expect [ErrForbidden],
// which the documentation does not promise.
//
//	POST /attachments/token
//
// Scope: app, appMaker, account.
// Versions: v1.1.
// Source: official guides, "Private Attachments".
func (s *AttachmentsService) CreateMediaToken(ctx context.Context, paths []string, opts ...CallOption) (map[string]string, error) {
	r := opAttachmentsCreateMediaToken.with().json(map[string][]string{"paths": paths})
	if len(paths) == 0 {
		r.refuse("paths", "is empty")
	}
	tokens, err := one[map[string]string](ctx, s.c, r, opts)
	if err != nil {
		return nil, err
	}
	return *tokens, nil
}

// SetCookie exchanges a media token for a browser cookie. The cookie is in the Set-Cookie header of
// the response, see [WithResponse]. The call carries mediaToken instead of the client's credential.
// It fails with [ErrInvalidArgument] if mediaToken is empty, and with [ErrUnauthorized] if it has
// expired.
//
//	GET /attachments/cookie
//
// Scope: media token.
// Versions: v1.1.
// Source: official guides, "Private Attachments".
func (s *AttachmentsService) SetCookie(ctx context.Context, mediaToken string, opts ...CallOption) error {
	return exec(ctx, s.c, opAttachmentsSetCookie.with().bearerToken(mediaToken), opts)
}
